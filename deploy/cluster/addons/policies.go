package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/kube-network-policies/pkg/api"
	"sigs.k8s.io/kube-network-policies/pkg/dataplane"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
	"sigs.k8s.io/kube-network-policies/pkg/podinfo"
)

// enforce is the enforcer of kube-network-policies with its standard evaluator, for one node: the kernel hands it the first
// packets of each connection (queue 100), it says yes or no, and marks those that it lets through with connection label 100.
//
// The rules that hand them over are its own where the kernel has nftables' `queue`; where it has not, writing them fails
// again and again, and rules of iptables do the same (lib/boot.sh).
func enforce(ctx context.Context, arguments []string) error {
	options := flag.NewFlagSet("network-policies", flag.ContinueOnError)
	kubeconfig := options.String("kubeconfig", "", "how the API server is reached")
	node := options.String("node", "", "name of the node")
	address := options.String("health-address", "127.0.0.1:10257", "where /healthz is answered")
	klog.InitFlags(options)
	if err := options.Parse(arguments); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	all := informers.NewSharedInformerFactory(client, 0)
	namespaces, pods := all.Core().V1().Namespaces(), all.Core().V1().Pods()
	resolver, err := podinfo.NewInformerResolver(pods.Informer())
	if err != nil {
		return err
	}
	known := podinfo.NewInformerProvider(pods, namespaces, nil, []podinfo.IPResolver{resolver})
	policies := networkpolicy.NewStandardNetworkPolicy(*node, namespaces, pods, all.Networking().V1().NetworkPolicies())
	engine := networkpolicy.NewPolicyEngine(known, []api.PolicyEvaluator{policies})
	// Strict: a policy also ends connections that it no longer allows, within half a minute.
	controller, err := dataplane.NewController(engine, dataplane.Config{FailOpen: true, QueueID: 100, CTLabelAccept: 100, StrictMode: true})
	if err != nil {
		return err
	}
	all.Start(ctx.Done())
	ended := make(chan error, 2)
	go func() { ended <- controller.Run(ctx) }()
	http.HandleFunc("/healthz", func(writer http.ResponseWriter, _ *http.Request) {
		if !engine.Ready() {
			http.Error(writer, "policies are not known yet", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(writer, "ok")
	})
	go func() { ended <- http.ListenAndServe(*address, nil) }()
	return <-ended
}
