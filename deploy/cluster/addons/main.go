// What a cluster needs besides Kubernetes' own programs, in one binary: `addons NAME ...`.
//
//	coredns             CoreDNS with the plugins that answer for a cluster, and no others
//	metrics-server      the metrics API
//	network-policies    the enforcer of network policies of one node
package main

import (
	"fmt"
	"os"

	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/ready"
	"k8s.io/apiserver/pkg/server"
	"sigs.k8s.io/metrics-server/cmd/metrics-server/app"
)

func main() {
	name := ""
	if len(os.Args) > 1 {
		name, os.Args = os.Args[1], os.Args[1:]
	}
	switch name {
	case "coredns":
		coremain.Run()
	case "metrics-server":
		end(app.NewMetricsServerCommand(server.SetupSignalHandler()).Execute())
	case "network-policies":
		end(enforce(server.SetupSignalContext(), os.Args[1:]))
	default:
		fmt.Fprintln(os.Stderr, "usage: addons coredns|metrics-server|network-policies [OPTION...]")
		os.Exit(64)
	}
}

func end(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
