package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Where the machine finds its own folder.
const node = "/run/node"

// supervise starts the machine's services, then reaps whatever ends and does what FOLDER/control says, for ever.
func supervise() error {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	commands, err := control()
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(node + "/services")
	if err != nil {
		return err
	}
	running := map[int]string{}
	for _, entry := range entries {
		run(entry.Name(), running)
	}
	for {
		select {
		case <-ended:
			reap(running)
		case command := <-commands:
			obey(command, running)
		}
	}
}

// control makes the named pipe and reads lines from it.
func control() (<-chan string, error) {
	path := node + "/control"
	if err := os.RemoveAll(path); err != nil {
		return nil, err
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		return nil, err
	}
	// Open for both, so that it never ends.
	pipe, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	commands := make(chan string)
	go func() {
		lines := bufio.NewScanner(pipe)
		for lines.Scan() {
			commands <- lines.Text()
		}
	}()
	return commands, nil
}

func obey(command string, running map[int]string) {
	what, name, _ := strings.Cut(command, " ")
	pid := 0
	for each, service := range running {
		if service == name {
			pid = each
		}
	}
	switch {
	case what == "start" && pid == 0:
		run(name, running)
	case what == "kill" && pid != 0:
		// Only itself: what a containerd has started lives on without it.
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			fmt.Printf("%s: %v\n", command, err)
		}
	default:
		fmt.Printf("%s: nothing to do\n", command)
	}
}

// run starts a service in a session of its own. A name is a file of the folder of services and nothing else.
func run(name string, running map[int]string) {
	if name != filepath.Base(name) || strings.HasPrefix(name, ".") {
		fmt.Printf("no service: %q\n", name)
		return
	}
	log, err := os.OpenFile(filepath.Join(node, "log", name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer log.Close()
	service := exec.Command(filepath.Join(node, "services", name))
	service.Stdout, service.Stderr = log, log
	service.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := service.Start(); err != nil {
		fmt.Println(err)
		return
	}
	pid := service.Process.Pid
	running[pid] = name
	note := filepath.Join(node, "running", name)
	if err := os.WriteFile(note, []byte(strconv.Itoa(pid)+"\n"), 0o644); err != nil {
		fmt.Println(err)
	}
}

// reap takes in all that ended: services, and what was orphaned in the machine.
func reap(running map[int]string) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		name, known := running[pid]
		if !known {
			continue
		}
		delete(running, pid)
		os.Remove(filepath.Join(node, "running", name))
		fmt.Printf("%s ended: exit %d, signal %d\n", name, status.ExitStatus(), status.Signal())
	}
}
