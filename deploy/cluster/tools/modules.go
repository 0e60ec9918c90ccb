package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"
)

// initModule is the number of the system call on x86-64, which has no function in package syscall.
const initModule = 175

// modules loads kernel modules, each after those that FOLDER/modules.dep names for it. One process for all of them: a kernel in
// which starting a program takes 20 ms has them in place seconds sooner. What cannot be loaded is said, and left out.
func modules(arguments []string) error {
	if len(arguments) < 2 {
		return errors.New("needs FOLDER NAME...")
	}
	table, err := os.ReadFile(filepath.Join(arguments[0], "modules.dep"))
	if err != nil {
		return err
	}
	needs := map[string][]string{}
	files := map[string]string{}
	for line := range strings.Lines(string(table)) {
		file, others, _ := strings.Cut(strings.TrimSpace(line), ":")
		files[moduleName(file)] = file
		needs[file] = strings.Fields(others)
	}
	var problems []error
	for _, name := range arguments[1:] {
		file, known := files[name]
		if !known {
			problems = append(problems, fmt.Errorf("no module %s", name))
			continue
		}
		// The table has the nearest first.
		order := []string{file}
		for _, need := range needs[file] {
			order = append([]string{need}, order...)
		}
		for _, each := range order {
			if err := loadModule(filepath.Join(arguments[0], each)); err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", each, err))
			}
		}
	}
	return errors.Join(problems...)
}

func moduleName(file string) string {
	return strings.ReplaceAll(strings.TrimSuffix(filepath.Base(file), ".ko"), "-", "_")
}

func loadModule(path string) error {
	if _, err := os.Stat("/sys/module/" + moduleName(path)); err == nil {
		return nil
	}
	image, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	none := []byte{0}
	_, _, number := syscall.Syscall(initModule, uintptr(unsafe.Pointer(&image[0])), uintptr(len(image)),
		uintptr(unsafe.Pointer(&none[0])))
	if number != 0 && number != syscall.EEXIST {
		return number
	}
	return nil
}
