package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// program builds the worker as it is shipped, once.
func (b *bench) program(ctx context.Context) (string, error) {
	b.build.Lock()
	defer b.build.Unlock()
	if b.worker != "" {
		return b.worker, nil
	}
	dir, err := os.MkdirTemp("", "offboard-bench-worker-")
	if err != nil {
		return "", fmt.Errorf("make a directory for the worker: %w", err)
	}
	b.remove = append(b.remove, dir)
	path := filepath.Join(dir, "worker")
	out, err := exec.CommandContext(ctx, "go", "build", "-C", "..", "-o", path, "./worker").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the worker: %w\n%s", err, out)
	}
	b.worker = path
	return path, nil
}

// process is a worker in a process of its own.
type process struct {
	cmd *exec.Cmd
	log tail
}

// spawn starts the worker program for a rig.
func (b *bench) spawn(ctx context.Context, r *rig) (*process, error) {
	path, err := b.program(ctx)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(path)} //nolint:noctx // kill ends it, whatever becomes of the context
	for name, value := range r.env {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the worker: %w", err)
	}
	return p, nil
}

// kill ends the process as a lost machine does.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill the worker: %w\n%s", err, p.log.String())
	}
	_ = p.cmd.Wait() // it says that it was killed
	return nil
}

// memory is the process's resident set, and the largest it ever was, in megabytes.
func (p *process) memory() (now, most float64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, 0, fmt.Errorf("read the worker's memory: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		kilobytes, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
		if err != nil {
			continue
		}
		switch name {
		case "VmRSS":
			now = kilobytes / 1024
		case "VmHWM":
			most = kilobytes / 1024
		}
	}
	return now, most, nil
}

// tail keeps the end of a log.
type tail struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.text.Len() > 1<<16 {
		t.text.Reset()
	}
	return t.text.Write(p)
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}
