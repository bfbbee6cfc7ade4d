package dynamic

import (
	"errors"
	"fmt"
	"io"

	"go.temporal.io/sdk/workflow"
)

type Notifier interface{ Notify(string) error }

type Namer interface{ Name() string }

type fixed struct{}

func (fixed) Name() string { return "fixed" }

func Workflow(ctx workflow.Context, n Notifier, r io.Reader) error {
	if err := n.Notify("hello"); err != nil { // want `anything may be behind Notifier.Notify`
		return err
	}
	_, err := r.Read(nil) // want `anything may be behind io.Reader.Read`
	return err
}

// Temporal's own interfaces, errors, texts, type parameters and concrete types are known.
func Fine(ctx workflow.Context, f workflow.Future, s fmt.Stringer) error {
	if ctx.Err() != nil || s.String() == nameOf(fixed{}) {
		return errors.New(fixed{}.Name())
	}
	return f.Get(ctx, nil)
}

func nameOf[N Namer](n N) string { return n.Name() }
