package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"offboard/internal/offboard"
	"offboard/workflows"
)

func (p *program) resolveCommand() *cobra.Command {
	var a workflows.Resolve
	actions := []string{offboard.ActionRetry, offboard.ActionSkip, offboard.ActionAbort}
	cmd := &cobra.Command{
		Use:   "resolve RUN --action retry|skip|abort --by YOU",
		Short: "Answer a run that holds",
		Long: `Resolve answers a hold. What retry, skip and abort do there is shown by starter status. --scope may be left out while
only one hold is open.`,
		Example: `  starter resolve leaver@acme.example --action retry --by sre@acme.example
  starter resolve leaver@acme.example --scope eu-de/prod --action skip --by sre@acme.example --note "cluster is gone"`,
		Args: oneRun,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := needPerson(a.By); err != nil {
				return err
			}
			if !slices.Contains(actions, a.Action) {
				return usage("--action is %q: it must be retry, skip or abort", a.Action)
			}
			return p.with(cmd, args[0], func(ctx context.Context, r runs, id string) error {
				message, err := r.Resolve(ctx, id, a)
				if err != nil {
					return err
				}
				return p.say(id, message)
			})
		},
	}
	person(cmd, &a.By)
	f := cmd.Flags()
	f.StringVar(&a.Scope, "scope", "", "the hold's subject")
	f.StringVar(&a.Action, "action", "", "retry, skip or abort (required)")
	f.StringVar(&a.Note, "note", "", "why, for the report")
	choices(cmd, "action", actions...)
	return cmd
}
