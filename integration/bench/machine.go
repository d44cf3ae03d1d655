package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// Machine describes the machine, which the figures depend on.
type Machine struct {
	OS        string `json:"os"`
	Arch      string `json:"arch"`
	CPUs      int    `json:"cpus"`
	CPUModel  string `json:"cpu_model,omitempty"` // the system's name for it
	GoVersion string `json:"go_version"`
	Kernel    string `json:"kernel,omitempty"`
}

func thisMachine(ctx context.Context) Machine {
	m := Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), CPUModel: cpuModel(), GoVersion: runtime.Version()}
	if release, err := exec.CommandContext(ctx, "uname", "-r").Output(); err == nil { // Windows has no uname
		m.Kernel = strings.TrimSpace(string(release))
	}
	return m
}

// cpuModel returns Linux's name for the processor; "" on other systems.
func cpuModel() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, value, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// String returns the machine on one line.
func (m Machine) String() string {
	text := fmt.Sprintf("%s/%s, %d CPUs", m.OS, m.Arch, m.CPUs)
	for _, more := range []string{m.CPUModel, m.GoVersion, m.Kernel} {
		if more != "" {
			text += ", " + more
		}
	}
	return text
}
