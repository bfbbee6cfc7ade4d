package main

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"offboard/internal/app"
	"offboard/internal/console"
	"offboard/internal/offboard"
)

func (p *program) listCommand() *cobra.Command {
	var filter app.Filter
	var status string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List runs, the newest first",
		Long:  `List shows runs by their search attributes. It needs no worker.`,
		Example: `  starter list --needs-person
  starter list --open --limit 100
  starter list --status Incomplete --output json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if filter.Limit < 1 {
				return usage("--limit must be at least 1")
			}
			filter.Status = offboard.Status(status)
			if status != "" && !slices.Contains(app.Statuses(), filter.Status) {
				return usage("--status is %q: it must be one of %s", status, strings.Join(statuses(), ", "))
			}
			r, disconnect, err := p.connect(cmd.Context())
			if err != nil {
				return err
			}
			defer disconnect()
			list, err := r.List(cmd.Context(), filter)
			if err != nil {
				return err
			}
			return p.showList(list)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&filter.NeedsPerson, "needs-person", false, "only runs that wait for a person")
	f.BoolVar(&filter.Open, "open", false, "only runs that have not ended")
	f.StringVar(&status, "status", "", "only runs of this status, as in Completed or Incomplete")
	f.StringVar(&filter.Account, "account", "", "only runs of this account")
	f.IntVar(&filter.Limit, "limit", 20, "how many at most")
	choices(cmd, "status", statuses()...)
	return cmd
}

func statuses() []string {
	var names []string
	for _, s := range app.Statuses() {
		names = append(names, string(s))
	}
	return names
}

func (p *program) showList(list []app.Listed) error {
	if p.format == "json" {
		return p.json(append([]app.Listed{}, list...)) // an empty list, not null
	}
	if len(list) == 0 {
		p.screen.Line("No runs.")
		return nil
	}
	rows := make([][]string, len(list))
	for i, l := range list {
		end := l.Ended
		if end.IsZero() {
			end = p.now()
		}
		status := p.screen.State(l.Status)
		if l.NeedsPerson {
			status += " " + p.screen.Bad("needs a person")
		}
		phase := string(l.Phase)
		if l.Status == offboard.Running && l.Phase == offboard.PhaseWait && !l.LastDay.IsZero() {
			phase += " until " + l.LastDay.UTC().Format(time.DateOnly)
		}
		who := l.Person
		if l.Moves != "" {
			who = "move of " + l.Moves
		}
		if l.Prunes != "" {
			who = "prune of " + l.Prunes
		}
		rows[i] = []string{who, status, phase,
			l.Started.UTC().Format(time.DateTime), console.Elapsed(end.Sub(l.Started)), l.WorkflowID}
	}
	p.screen.Table([]string{"PERSON", "STATUS", "PHASE", "STARTED (UTC)", "TIME", "RUN"}, rows)
	return nil
}
