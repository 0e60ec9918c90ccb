package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// hold takes the lock FOLDER/lock, notes its own pid and the cluster's state folder in it, says so in one line, and keeps
// it until the process ends. The kernel gives the lock back with the process, so it cannot be left behind.
func hold(arguments []string) error {
	if len(arguments) != 2 {
		return fmt.Errorf("needs FOLDER STATE")
	}
	path := filepath.Join(arguments[0], "lock")
	for {
		if err := os.MkdirAll(arguments[0], 0o755); err != nil {
			return err
		}
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return err
		}
		if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			holder, _ := os.ReadFile(path)
			return fmt.Errorf("held by %s", strings.TrimSpace(string(holder)))
		}
		// Whoever had it may have removed the file while this process waited.
		ours, err := file.Stat()
		if err != nil {
			return err
		}
		if there, err := os.Stat(path); err != nil || !os.SameFile(ours, there) {
			file.Close()
			continue
		}
		if err := file.Truncate(0); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(file, "pid %d, state in %s\n", os.Getpid(), arguments[1]); err != nil {
			return err
		}
		fmt.Printf("held %d\n", os.Getpid())
		ended := make(chan os.Signal, 1)
		signal.Notify(ended, syscall.SIGINT, syscall.SIGTERM)
		<-ended
		return nil
	}
}
