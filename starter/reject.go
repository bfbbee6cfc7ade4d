package main

import (
	"context"

	"github.com/spf13/cobra"

	"offboard/internal/offboard"
	"offboard/workflows"
)

func (p *program) rejectCommand() *cobra.Command {
	m := &message{wants: offboard.Rejected}
	m.send = func(ctx context.Context, r runs, id string) (string, error) {
		return r.Reject(ctx, id, workflows.Reject{By: m.by, Note: m.note})
	}
	return p.tells(&cobra.Command{
		Use:     "reject RUN --by YOU",
		Short:   "Say no to a run's plan",
		Long:    `Reject ends a run before its plan is approved. Nothing of the leaver is changed.`,
		Example: `  starter reject leaver@acme.example --by approver@acme.example --note "stays until March"`,
	}, m)
}
