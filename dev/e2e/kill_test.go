package e2e_test

import (
	"bytes"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/dev/internal/stack"
	"offboard/dev/internal/witness"
)

// program is a worker process.
type program struct {
	cmd *exec.Cmd
	out bytes.Buffer
}

// run starts the shipped worker with the bench's environment and nothing else.
func (b *bench) run() *program {
	b.t.Helper()
	p := &program{cmd: exec.Command(workerProgram)}
	for name, value := range b.Env {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	require.NoError(b.t, p.cmd.Start())
	return p
}

// kill ends the process as a lost machine does.
func (p *program) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Kill())
	_ = p.cmd.Wait() // it says that it was killed
}

func TestAWorkerKilledInTheMiddleOfAHandOver(t *testing.T) {
	t.Parallel()
	shape := undisturbed(t)
	t.Run("killed", func(t *testing.T) {
		b := start(t, stack.EngineOptions{NoWorker: true})
		worker := b.run()
		id := b.begin(nil)
		b.approve(id)
		require.Eventually(t, func() bool { return witness.Resets(b.Sim.Ledger()) > 0 }, time.Minute, 5*time.Millisecond, "a reset")
		worker.kill(t)
		again := b.run()
		t.Cleanup(func() {
			again.kill(t)
			said := worker.out.String() + again.out.String()
			b.clean("the worker's output", said)
			if t.Failed() {
				t.Log(said)
			}
		})
		report := b.report(id)
		assert.Empty(t, witness.Judge(report, b.Sim.Ledger(), b.Sim.Outages()))
		assert.Equal(t, <-shape, witness.Shape(b.Sim.Ledger()), "the same changes as without the kill")
	})
}

// undisturbed is what an offboarding that nothing happens to does to the account.
func undisturbed(t *testing.T) <-chan map[string]int {
	shape := make(chan map[string]int, 1)
	t.Run("undisturbed", func(t *testing.T) {
		defer close(shape)
		b := start(t, stack.EngineOptions{NoWorker: true})
		worker := b.run()
		t.Cleanup(func() {
			worker.kill(t)
			if t.Failed() {
				t.Log(worker.out.String())
			}
		})
		id := b.begin(nil)
		b.approve(id)
		report := b.report(id)
		shape <- witness.Shape(b.Sim.Ledger())
		assert.Empty(t, witness.Judge(report, b.Sim.Ledger(), b.Sim.Outages()))
	})
	return shape
}
