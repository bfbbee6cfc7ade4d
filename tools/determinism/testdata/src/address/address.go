package address

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/workflow"
)

type item struct{ name string }

type order struct {
	Item *item
}

type hidden struct {
	note *named
}

type named struct{ name string }

func (n *named) String() string { return n.name }

func Workflow(ctx workflow.Context, o order, list []*item, h hidden, n *int, f func()) error {
	_ = fmt.Sprintf("%v", o)               // want `fmt prints an address here`
	_ = fmt.Sprintf("%d of %v", 1, list)   // want `fmt prints an address here`
	_ = fmt.Sprint(h)                      // want `fmt prints an address here`
	_ = fmt.Sprintf("%d %+v", n, "x")      // want `fmt prints an address here`
	_ = fmt.Sprintf("%p", &o)              // want `fmt prints an address here`
	_ = fmt.Sprintln(map[string]*item{})   // want `fmt prints an address here`
	return fmt.Errorf("cannot call %v", f) // want `fmt prints an address here`
}

// fmt sorts maps, follows a pointer that is the argument itself and asks what has a text of its own.
func Fine(ctx workflow.Context, o *item, n *named, list []*named) string {
	_ = fmt.Sprintf("%v %v %v %v", map[string]int{"b": 1, "a": 2}, o, n, list)
	_ = fmt.Sprintf("%T and 100%% of %*d", list, 3, 4)
	return fmt.Errorf("wrapped: %w", errors.New("x")).Error()
}
