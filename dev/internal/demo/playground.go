package demo

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"

	"offboard/dev/internal/stack"
	"offboard/internal/console"
	"offboard/workflows"
)

// Playground keeps a stack up for manual starts until the context ends.
func Playground(ctx context.Context, o Options, w io.Writer, env func(string) string) error {
	log, err := openLog(o.Reports)
	if err != nil {
		return err
	}
	defer log.Close()
	o.Stack.Engine.Reports, o.Stack.Engine.Log = o.Reports, log
	s, err := stack.Start(ctx, o.Stack)
	if err != nil {
		return err
	}
	out := console.New(w, env)
	out.Line("The stack is up. Reports and the worker's log go to %s.", o.Reports)
	Describe(out, s)
	s.Wait(ctx)
	return s.Stop()
}

// Describe says where everything is and what to try.
func Describe(out *console.Console, s *stack.Stack) {
	out.Heading("Where")
	out.Line("%-22s %s", "Temporal", s.Temporal.Address())
	out.Line("%-22s %s", "Web UI", s.Temporal.UI())
	out.Line("%-22s %s", "Start an offboarding", StartForm(s.Temporal.UI(), s.Temporal.Namespace()))
	out.Line("%-22s %s/sim/ledger  …/sim/outages  …/sim/requests  …/sim/faults", "Simulated IBM Cloud", s.Sim.URL)
	out.Heading("For worker and starter in another shell")
	Exports(out, s.Env)
	out.Heading("Inputs to try in the start form")
	out.Line(`the plan only    {"user": %q, "mode": "plan"}`, Leaver)
	out.Line(`for real         {"user": %q, "soak": %q, "requestedBy": %q}`, Leaver, soak, Requester)
	out.Line(`a typing error   {"user": "leavr@acme.example", "sock": "6s"}`)
	out.Line("\n^C ends everything.")
}

// StartForm is the Web UI's start form with everything filled in but the input; the workflow ID is one that a person
// need not make up.
func StartForm(ui, namespace string) string {
	return fmt.Sprintf("%s/namespaces/%s/workflows/start-workflow?%s", ui, url.PathEscape(namespace), url.Values{
		"workflowId": {"offboard-by-hand"}, "taskQueue": {workflows.TaskQueue}, "workflowType": {workflows.Offboard},
	}.Encode())
}

// Exports writes an environment as lines for a shell.
func Exports(out *console.Console, env map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out.Line("export %s='%s'", name, env[name])
	}
}
