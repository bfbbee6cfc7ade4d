package main

import (
	"context"

	"github.com/spf13/cobra"

	"offboard/workflows"
)

func (p *program) rejectCommand() *cobra.Command {
	var a workflows.Reject
	cmd := &cobra.Command{
		Use:     "reject RUN --by YOU",
		Short:   "Say no to a run's plan",
		Long:    `Reject ends a run before its plan is approved. Nothing of the leaver is changed.`,
		Example: `  starter reject leaver@acme.example --by approver@acme.example --note "stays until March"`,
		Args:    oneRun,
		RunE:    p.tells(&a.By, func(ctx context.Context, r runs, id string) (string, error) { return r.Reject(ctx, id, a) }),
	}
	person(cmd, &a.By)
	cmd.Flags().StringVar(&a.Note, "note", "", "why, for the report")
	return cmd
}
