package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"offboard/workflows"
)

func (p *program) rescheduleCommand() *cobra.Command {
	var lastDay string
	var at time.Time
	m := &message{}
	m.check = func() (err error) {
		if at, err = time.Parse(time.RFC3339, lastDay); err != nil {
			return usage("--last-day is %q: it must be a time with zone like 2026-12-31T17:00:00+01:00", lastDay)
		}
		return nil
	}
	m.send = func(ctx context.Context, r runs, id string) (string, error) {
		return r.Reschedule(ctx, id, workflows.Reschedule{By: m.by, LastDay: at, Note: m.note})
	}
	cmd := p.tells(&cobra.Command{
		Use:     "reschedule RUN --last-day TIME --by YOU",
		Short:   "Move the last day of a run that waits for it",
		Example: `  starter reschedule leaver@acme.example --last-day 2027-01-31T17:00:00+01:00 --by hr@acme.example`,
	}, m)
	cmd.Flags().StringVar(&lastDay, "last-day", "", "the new last day, with zone (required)")
	return cmd
}
