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
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := needPerson(a.By); err != nil {
				return err
			}
			return p.with(cmd, args[0], func(ctx context.Context, r runs, id string) error {
				message, err := r.Reject(ctx, id, a)
				if err != nil {
					return err
				}
				return p.say(id, message)
			})
		},
	}
	person(cmd, &a.By)
	cmd.Flags().StringVar(&a.Note, "note", "", "why, for the report")
	return cmd
}
