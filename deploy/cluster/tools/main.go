// Small programs in one static binary: `tools NAME ...`.
package main

import (
	"fmt"
	"os"
)

const usage = `usage: tools COMMAND ...
  machine start FOLDER NAME SOURCE=TARGET...   boots a node in namespaces of its own (see machine.go)
  machine serve                     the first process of a node with a kernel of its own
  calls FOLDER                      runs commands that come as files in a folder (see calls.go)
  modules FOLDER NAME...            loads kernel modules (see modules.go)
  hold FOLDER STATE                 holds the lock of the machine's one cluster until it is ended
  archive OUT NAME:TAG FILE PATH [LIBRARY...] [-- ARGUMENT...]   an image archive around a program
  pause                             the sandbox process of a pod
  probe serve|dial|get|dns|send|receive|eat|sleep ...   what pods of tests run (see probe.go)
`

func main() {
	commands := map[string]func([]string) error{
		"machine": machine,
		"calls":   calls,
		"modules": modules,
		"hold":    hold,
		"archive": archive,
		"pause":   pause,
		"probe":   probe,
	}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(64)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}
