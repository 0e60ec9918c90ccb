package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// A machine is a node of the cluster: processes with mounts, host name, pids, control groups and network of their own.
// Its pid 1 is this program: to kill that with SIGKILL is to cut the power, for the kernel ends all processes of a pid
// namespace with its first. What is on disk stays.
//
//	FOLDER/services/NAME   programs (scripts) that are started at boot in the order of their names, with FOLDER/log/NAME
//	FOLDER/running/NAME    the pid, in the machine, of each that runs; taken away when it ends
//	FOLDER/control         takes lines `start NAME` and `kill NAME`
//
// Nothing is restarted by itself: what a fault has ended stays ended until it is started.
func machine(arguments []string) error {
	if len(arguments) >= 3 && arguments[0] == "start" {
		return start(arguments[1], arguments[1:])
	}
	if len(arguments) >= 3 && arguments[0] == "init" && os.Getpid() == 1 {
		report := os.NewFile(3, "report")
		err := boot(arguments[1], arguments[2], arguments[3:])
		if err != nil {
			fmt.Fprintf(report, "%v", err)
		}
		report.Close()
		if err != nil {
			return err
		}
		return supervise()
	}
	// The first process of a kernel of its own, which somebody else has given its mounts.
	if len(arguments) == 1 && arguments[0] == "serve" && os.Getpid() == 1 {
		return supervise()
	}
	return fmt.Errorf("needs start FOLDER NAME SOURCE=TARGET..., in the network namespace and control groups of the machine")
}

// start makes the namespaces, waits until pid 1 has its mounts, and notes its pid in FOLDER/pid.
func start(folder string, arguments []string) error {
	output, err := os.OpenFile(filepath.Join(folder, "log", "machine"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	report, write, err := os.Pipe()
	if err != nil {
		return err
	}
	first := exec.Command("/proc/self/exe", append([]string{"machine", "init"}, arguments...)...)
	first.Stdout, first.Stderr = output, output
	first.ExtraFiles = []*os.File{write}
	first.SysProcAttr = &syscall.SysProcAttr{
		Setsid: true,
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC | syscall.CLONE_NEWPID |
			syscall.CLONE_NEWCGROUP,
	}
	if err := first.Start(); err != nil {
		return err
	}
	pid := first.Process.Pid
	if err := os.WriteFile(filepath.Join(folder, "pid"), []byte(strconv.Itoa(pid)+"\n"), 0o644); err != nil {
		return err
	}
	write.Close()
	problem, err := io.ReadAll(report)
	if err == nil && len(problem) > 0 {
		err = fmt.Errorf("%s", problem)
	}
	return err
}

// boot gives the machine its own view of the file system: SOURCE=TARGET folders are the only ones of this machine's that
// are written to.
func boot(folder, name string, binds []string) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	groups, err := groupMounts()
	if err != nil {
		return err
	}
	// Opened now, because what is mounted next may lie above them.
	binds = append([]string{folder + "=/run/node"}, binds...)
	sources := make([]*os.File, len(binds))
	for index, bind := range binds {
		source, _, _ := strings.Cut(bind, "=")
		if sources[index], err = os.Open(source); err != nil {
			return err
		}
		defer sources[index].Close()
	}
	steps := []mount{
		{"proc", "/proc", "proc", 0, ""},
		{"sysfs", "/sys", "sysfs", 0, ""},
		{"tmpfs", "/sys/fs/cgroup", "tmpfs", 0, "mode=755"},
	}
	steps = append(steps, groups...)
	steps = append(steps, mount{"tmpfs", "/run", "tmpfs", 0, "mode=755"})
	for index, bind := range binds {
		_, target, _ := strings.Cut(bind, "=")
		steps = append(steps, mount{fmt.Sprintf("/proc/self/fd/%d", sources[index].Fd()), target, "", syscall.MS_BIND | syscall.MS_REC, ""})
	}
	// Private and writable, for the kubelet, containerd and the network plugins have paths in them that cannot be chosen.
	for _, name := range []string{"etc", "var"} {
		layers := "/run/node/overlay/" + name
		steps = append(steps, mount{"overlay", "/" + name, "overlay", 0,
			fmt.Sprintf("lowerdir=/%s,upperdir=%s/upper,workdir=%s/work", name, layers, layers)})
	}
	for _, step := range steps {
		if err := step.make(); err != nil {
			return err
		}
	}
	if err := newBootID(); err != nil {
		return err
	}
	if err := syscall.Sethostname([]byte(name)); err != nil {
		return err
	}
	return syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED, "")
}

type mount struct {
	source, target, kind string
	flags                uintptr
	options              string
}

func (step mount) make() error {
	if step.kind == "link" {
		return os.Symlink(step.source, step.target)
	}
	folders := []string{step.target}
	if step.kind == "overlay" {
		layers := "/run/node/overlay" + step.target
		folders = append(folders, layers+"/upper", layers+"/work")
	}
	for _, folder := range folders {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	if err := syscall.Mount(step.source, step.target, step.kind, step.flags, step.options); err != nil {
		return fmt.Errorf("mounting %s (%s %s): %w", step.target, step.kind, step.options, err)
	}
	return nil
}

// groupMounts is how the hierarchies of control groups are mounted here, to be mounted the same way in the machine, where
// they begin at the machine's own group.
func groupMounts() ([]mount, error) {
	table, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer table.Close()
	var mounts []mount
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		before, after, _ := strings.Cut(lines.Text(), " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if len(left) < 5 || len(right) < 3 || !strings.HasPrefix(left[4], "/sys/fs/cgroup/") {
			continue
		}
		options := strings.TrimPrefix(strings.TrimPrefix(right[2], "rw"), ",")
		switch right[0] {
		case "cgroup":
			if strings.Contains(options, "name=") {
				options = "none," + options
			}
			mounts = append(mounts, mount{"cgroup", left[4], "cgroup", 0, options})
		case "cgroup2":
			mounts = append(mounts, mount{"cgroup2", left[4], "cgroup2", 0, ""})
		}
	}
	// Where two controllers share a hierarchy, each is a link to it.
	entries, err := os.ReadDir("/sys/fs/cgroup")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		path := "/sys/fs/cgroup/" + entry.Name()
		if target, err := os.Readlink(path); err == nil {
			mounts = append(mounts, mount{target, path, "link", 0, ""})
		}
	}
	return mounts, lines.Err()
}

// newBootID makes the kubelet report each boot as what it is, a boot.
func newBootID() error {
	const place = "/proc/sys/kernel/random/"
	id, err := os.ReadFile(place + "uuid")
	if err != nil {
		return err
	}
	if err := os.WriteFile("/run/boot_id", id, 0o444); err != nil {
		return err
	}
	return syscall.Mount("/run/boot_id", place+"boot_id", "", syscall.MS_BIND, "")
}
