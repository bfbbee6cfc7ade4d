package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"offboard/internal/app"
	"offboard/internal/offboard"
	"offboard/replay"
)

// shownDifferences bounds what is printed of one run for people; JSON has all.
const shownDifferences = 10

func (p *program) replayCommand() *cobra.Command {
	var id, since string
	var all bool
	var which app.Which
	cmd := &cobra.Command{
		Use:   "replay [RUN] [--all]",
		Short: "Replay runs against this build, before it is rolled out",
		Long: `Replay reads the histories of runs and lets this build's workflows run over them again, without a worker and without
changing anything. It tells what this build would do otherwise: what would stop a run under way, and what would make it
go on otherwise than it began. It ends with 1 if there is anything of the kind.

Hand-overs and claims are replayed like the runs they belong to.`,
		Example: `  starter replay leaver@acme.example
  starter replay --all                            # every run that is under way
  starter replay --all --status "" --since 30d    # and those that ended, of the last 30 days
  starter replay --all --query "OffboardNeedsPerson = true" --output json`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: p.completeRun,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				id = args[0]
			}
			if (id == "") == !all {
				return usage("name one run, or say --all")
			}
			if since != "" {
				d, err := offboard.ParseDuration(since)
				if err != nil {
					return usage("--since: %v", err)
				}
				which.Since = d.Std()
			}
			if id != "" && !cmd.Flags().Changed("status") {
				which.Status = "" // whoever names a run means it, ended or not
			}
			list, err := p.replay(cmd.Context(), id, which)
			if err != nil {
				return err
			}
			return p.showReplayed(list)
		},
	}
	f := cmd.Flags()
	f.StringVar(&id, "id", "", "replay this run; the same as RUN")
	f.BoolVar(&all, "all", false, "replay every run that the other flags choose")
	f.StringVar(&which.Status, "status", string(offboard.Running), "with --all: only runs of this status, as Temporal names it; empty for any")
	f.StringVar(&since, "since", "", "only runs that were started within this time, as in 30d")
	f.StringVar(&which.Query, "query", "", "only runs that this visibility query finds")
	choices(cmd, "status", "Running", "Completed", "Failed", "Canceled", "Terminated", "TimedOut", "ContinuedAsNew")
	return cmd
}

func (p *program) replay(ctx context.Context, name string, which app.Which) ([]app.Replayed, error) {
	c, err := dial(ctx, p.env, p.err)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if name != "" {
		if which.WorkflowID, err = runsOf(c, p.env).Find(ctx, name); err != nil {
			return nil, err
		}
	}
	gate, err := app.NewGate(c, replay.Options{Namespace: c.Namespace})
	if err != nil {
		return nil, err
	}
	return gate.Replay(ctx, which)
}

// replayed is what a replay found, for programs.
type replayed struct {
	Replayed int            `json:"replayed"`
	Passed   int            `json:"passed"`
	Stuck    int            `json:"stuck"`
	Runs     []app.Replayed `json:"runs"`
}

func (p *program) showReplayed(list []app.Replayed) error {
	bad, stuck := 0, 0
	for _, r := range list {
		if !r.Passed() {
			bad++
		}
		if slices.ContainsFunc(r.Differences, replay.Difference.Stuck) {
			stuck++
		}
	}
	if bad > 0 {
		p.outcome = failed
	}
	if p.format == "json" {
		return p.json(replayed{len(list), len(list) - bad, stuck, append([]app.Replayed{}, list...)})
	}
	for _, r := range list[:bad] {
		p.screen.Line("%s %s (%s, %d events, run %s)", p.screen.Bad("differs"), r.WorkflowID, r.Type, r.Events, r.RunID)
		if r.Problem != "" {
			p.screen.Line("  %s", r.Problem)
		}
		for _, d := range r.Differences[:min(len(r.Differences), shownDifferences)] {
			p.screen.Line("  %s", d)
		}
		if more := len(r.Differences) - shownDifferences; more > 0 {
			p.screen.Line("  … and %d more", more)
		}
	}
	switch {
	case len(list) == 0:
		p.screen.Line("No runs.")
	case bad == 0:
		p.screen.Line("%s", p.screen.Good(fmt.Sprintf("%d workflows were replayed; none would notice this build.", len(list))))
	default:
		p.screen.Line("%d workflows were replayed: %d would stop on this build, %d would go on otherwise than they began, %d would not notice it.",
			len(list), stuck, bad-stuck, len(list)-bad)
	}
	return nil
}
