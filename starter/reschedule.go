package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"offboard/workflows"
)

func (p *program) rescheduleCommand() *cobra.Command {
	var a workflows.Reschedule
	var lastDay string
	cmd := &cobra.Command{
		Use:     "reschedule RUN --last-day TIME --by YOU",
		Short:   "Move the last day of a run that waits for it",
		Example: `  starter reschedule leaver@acme.example --last-day 2027-01-31T17:00:00+01:00 --by hr@acme.example`,
		Args:    oneRun,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := needPerson(a.By); err != nil {
				return err
			}
			at, err := time.Parse(time.RFC3339, lastDay)
			if err != nil {
				return usage("--last-day is %q: it must be a time with zone like 2026-12-31T17:00:00+01:00", lastDay)
			}
			a.LastDay = at
			return p.with(cmd, args[0], func(ctx context.Context, r runs, id string) error {
				message, err := r.Reschedule(ctx, id, a)
				if err != nil {
					return err
				}
				return p.say(id, message)
			})
		},
	}
	person(cmd, &a.By)
	cmd.Flags().StringVar(&lastDay, "last-day", "", "the new last day, with zone (required)")
	cmd.Flags().StringVar(&a.Note, "note", "", "why, for the report")
	return cmd
}
