package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
)

// archive writes an image of one layer from nothing but a program, in the form of `docker save`. It runs as user 65532, and
// needs no registry: `ctr images import` takes it. A program that is not static needs its libraries, each at its own place.
func archive(arguments []string) error {
	var more []string
	if at := slices.Index(arguments, "--"); at >= 0 {
		arguments, more = arguments[:at], arguments[at+1:]
	}
	if len(arguments) < 4 {
		return fmt.Errorf("needs OUT NAME:TAG FILE PATH [LIBRARY...]")
	}
	out, name, file, libraries := arguments[0], arguments[1], arguments[2], arguments[4:]
	inside := path.Clean("/" + arguments[3])
	program, err := elf.Open(file)
	if err != nil {
		return fmt.Errorf("%s is no program: %w", file, err)
	}
	defer program.Close()
	for _, part := range program.Progs {
		if part.Type == elf.PT_INTERP && len(libraries) == 0 {
			return fmt.Errorf("%s is not linked statically, and its libraries were not named", file)
		}
	}
	layer, err := layerOf(inside, file, libraries)
	if err != nil {
		return err
	}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"config": map[string]any{
			"Entrypoint": append([]string{inside}, more...),
			"Env":        []string{"PATH=/bin:/usr/bin"},
			"User":       "65532:65532",
			"WorkingDir": "/",
		},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{digest(layer)}},
	})
	if err != nil {
		return err
	}
	configName := strings.TrimPrefix(digest(config), "sha256:") + ".json"
	manifest, err := json.Marshal([]map[string]any{
		{"Config": configName, "RepoTags": []string{name}, "Layers": []string{"layer.tar"}},
	})
	if err != nil {
		return err
	}
	var image bytes.Buffer
	writer := tar.NewWriter(&image)
	for _, part := range []struct {
		name string
		data []byte
	}{{"layer.tar", layer}, {configName, config}, {"manifest.json", manifest}} {
		if err := add(writer, part.name, 0o644, part.data); err != nil {
			return err
		}
	}
	if err := writer.Close(); err != nil {
		return err
	}
	return os.WriteFile(out, image.Bytes(), 0o644)
}

// layerOf is the image's file system: the files, the folders above them, and those that a container expects.
func layerOf(inside, file string, libraries []string) ([]byte, error) {
	folders := []string{"dev", "etc", "proc", "sys", "tmp"}
	for _, each := range append([]string{inside}, libraries...) {
		for above := path.Dir(each); above != "/"; above = path.Dir(above) {
			folders = append(folders, strings.TrimPrefix(above, "/"))
		}
	}
	slices.Sort(folders)
	var layer bytes.Buffer
	writer := tar.NewWriter(&layer)
	for _, folder := range slices.Compact(folders) {
		mode := int64(0o755)
		if folder == "tmp" {
			mode = 0o1777
		}
		header := tar.Header{Name: folder + "/", Mode: mode, Typeflag: tar.TypeDir}
		if err := writer.WriteHeader(&header); err != nil {
			return nil, err
		}
	}
	accounts := []byte("root:x:0:0::/:\nnonroot:x:65532:65532::/:\n")
	if err := add(writer, "etc/passwd", 0o644, accounts); err != nil {
		return nil, err
	}
	sources := map[string]string{inside: file}
	for _, library := range libraries {
		sources[library] = library
	}
	for _, place := range slices.Sorted(maps.Keys(sources)) {
		data, err := os.ReadFile(sources[place])
		if err != nil {
			return nil, err
		}
		if err := add(writer, strings.TrimPrefix(place, "/"), 0o755, data); err != nil {
			return nil, err
		}
	}
	err := writer.Close()
	return layer.Bytes(), err
}

func add(writer *tar.Writer, name string, mode int64, data []byte) error {
	if err := writer.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(data))}); err != nil {
		return err
	}
	_, err := writer.Write(data)
	return err
}

func digest(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }
