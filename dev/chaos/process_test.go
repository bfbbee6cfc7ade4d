package chaos_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// process is a program that can be killed as a lost machine is.
type process struct {
	b   *bench
	cmd *exec.Cmd
}

var workerProgram = struct {
	once sync.Once
	path string
	err  error
}{}

// worker builds the shipped worker program once.
func (b *bench) worker() string {
	b.t.Helper()
	w := &workerProgram
	w.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // a cold build takes minutes
		defer cancel()
		w.path = filepath.Join(workDir, "worker")
		out, err := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join("..", ".."), "-o", w.path, "./worker").CombinedOutput()
		if err != nil {
			w.err = fmt.Errorf("build the worker: %w\n%s", err, out)
		}
	})
	require.NoError(b.t, w.err)
	return w.path
}

// run starts a program with the case's environment and nothing else, and makes sure that its arguments hold no secret.
func (b *bench) run(program string, more ...string) *process {
	b.t.Helper()
	p := &process{b: b, cmd: exec.Command(program)}
	for name, value := range b.env {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	p.cmd.Env = append(p.cmd.Env, more...)
	p.cmd.Stdout, p.cmd.Stderr = b.log, b.log
	require.NoError(b.t, p.cmd.Start())
	b.t.Cleanup(p.kill)
	if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.cmd.Process.Pid)); err == nil {
		assert.NotRegexp(b.t, canary, string(line), "promise 7: the process's arguments")
	}
	return p
}

// kill ends the process without a warning; it does nothing the second time.
func (p *process) kill() {
	if p.cmd.ProcessState != nil {
		return
	}
	if err := p.cmd.Process.Kill(); err != nil {
		p.b.t.Errorf("kill process %d: %v", p.cmd.Process.Pid, err)
	}
	_ = p.cmd.Wait() // it says that it was killed
}
