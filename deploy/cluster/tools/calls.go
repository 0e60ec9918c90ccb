package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// How often calls are looked for: no event says that somebody outside has made a file.
const lookEvery = 100 * time.Millisecond

// calls runs what is asked for by files in a folder that it shares with another kernel, whose processes cannot come in:
//
//	ID.call      the arguments, each followed by a zero byte; gone when it was taken
//	ID.out, ID.err, ID.status   what it printed, and its status, which is there last
//
// How long a command takes is its caller's matter. It ends never.
func calls(arguments []string) error {
	if len(arguments) != 1 {
		return errors.New("needs FOLDER")
	}
	for {
		names, err := filepath.Glob(filepath.Join(arguments[0], "*.call"))
		if err != nil {
			return err
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err == nil {
				err = os.Remove(name)
			}
			if err != nil {
				fmt.Println(err)
				continue
			}
			go answer(strings.TrimSuffix(name, ".call"), strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00"))
		}
		time.Sleep(lookEvery)
	}
}

func answer(name string, arguments []string) {
	var out, problems bytes.Buffer
	command := exec.Command(arguments[0], arguments[1:]...)
	command.Stdout, command.Stderr = &out, &problems
	err := command.Run()
	status := command.ProcessState.ExitCode()
	if status < 0 {
		fmt.Fprintln(&problems, err)
		status = 126
	}
	for _, part := range []struct{ name, text string }{
		{".out", out.String()}, {".err", problems.String()}, {".status.new", strconv.Itoa(status) + "\n"},
	} {
		if err := os.WriteFile(name+part.name, []byte(part.text), 0o644); err != nil {
			fmt.Println(err)
		}
	}
	if err := os.Rename(name+".status.new", name+".status"); err != nil {
		fmt.Println(err)
	}
}
