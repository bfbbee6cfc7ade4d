package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"offboard/internal/app"
	"offboard/internal/offboard"
	"offboard/internal/rehearsal"
)

func (p *program) rehearseCommand() *cobra.Command {
	var o app.RehearsalOptions
	var format, file string
	var list bool
	formats := []string{"text", "markdown", "json", "html"}
	cmd := &cobra.Command{
		Use:   "rehearse --user PERSON [--fault FAULT]...",
		Short: "Run an offboarding in a simulation of the account, and tell what to expect",
		Long: `Rehearse looks at the account, which changes nothing in it, makes a simulated account of what it saw, and runs the whole
offboarding there: with the worker's policy but shorter times, with approvals and answers of its own, and with the faults
that are asked for. The report is marked as that of a rehearsal. It says what would be the first problem and what to do
about it, and how long the real offboarding is expected to take.

It needs the worker's configuration (OFFBOARD_CONFIG and IBM's variables) and a Temporal server. It brings its own worker
on a task queue of its own; no worker of the engine has to run. It ends with 3 if something but the plan's questions would
need a person.

A fault is NAME[:ARGUMENT][@PHASE or SERVICE OPERATION]:

` + rehearsal.Vocabulary(),
		Example: `  starter rehearse --user leaver@acme.example
  starter rehearse --user leaver@acme.example --fault outage:iam@disable --fault lost-reply:reset
  starter rehearse --user leaver@acme.example --fault random --seed 7 --format html --out rehearsal.html
  starter rehearse --list-faults`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if list {
				_, err := fmt.Fprintln(p.out, rehearsal.Vocabulary())
				return err
			}
			if p.format == "json" && !cmd.Flags().Changed("format") {
				format = "json"
			}
			if !slices.Contains(formats, format) {
				return usage("--format is %q: it must be text, markdown, json or html", format)
			}
			request, err := p.request(given(cmd.Flags()), "")
			if err != nil {
				return err
			}
			o.Request = request
			return p.rehearseAndTell(cmd.Context(), o, format, file)
		},
	}
	f := cmd.Flags()
	f.String("user", "", "e-mail address or IAM ID of the person who leaves")
	f.String("soak", offboard.DefaultSoak.String(), "healthy time between disabling and deleting the keys, for the expected duration")
	f.Bool("remove-user", true, "remove the user from the account at the end")
	f.String("on-failure", offboard.OnFailureHold, "hold for a person, or compensate")
	f.StringArray("functional-id", nil, "e-mail address of a functional ID that may take over (repeatable; default: all configured)")
	f.String("account", "", "the account, if it must be a certain one")
	f.StringArrayVar(&o.Faults, "fault", nil, "what shall go wrong (repeatable)")
	f.Int64Var(&o.Seed, "seed", 0, "draws the fault random; the same number draws the same (default: by chance)")
	f.DurationVar(&o.Patience, "patience", time.Minute, "how long a step is tried before it holds")
	f.BoolVar(&list, "list-faults", false, "say which faults there are")
	f.StringVar(&format, "format", "text", "text, markdown, json or html")
	f.StringVar(&file, "out", "", "write the report to this file, which only you can read, instead of printing it")
	choices(cmd, "format", formats...)
	choices(cmd, "on-failure", offboard.OnFailureHold, offboard.OnFailureCompensate)
	for _, free := range []string{"user", "soak", "functional-id", "account", "fault", "seed", "patience"} {
		complete(cmd, free, cobra.NoFileCompletions)
	}
	return cmd
}

// rehearseAndTell rehearses, shows how it stands meanwhile, and delivers the report.
func (p *program) rehearseAndTell(ctx context.Context, o app.RehearsalOptions, format, file string) error {
	o.Say = func(format string, args ...any) { fmt.Fprintf(p.err, format+"\n", args...) }
	if format == "text" && file == "" {
		live := p.screen.Live()
		o.Show = func(progress offboard.Progress, scopes map[string]offboard.ScopeProgress) {
			live.Show(progress, scopes, time.Now())
		}
	}
	done, err := p.rehearse(ctx, o)
	if _, wrong := errors.AsType[*app.InvalidFaults](err); wrong {
		return misuse{err}
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return errors.New("interrupted: the rehearsal was ended, and nothing of it goes on")
	}
	if err != nil {
		return err
	}
	if done.Place != "" {
		fmt.Fprintln(p.err, "The report is kept in", done.Place)
	}
	if slices.ContainsFunc(done.Report.Rehearsal.Problems, func(e offboard.ExpectedProblem) bool { return e.Kind != offboard.ProblemDecision }) {
		p.outcome = incomplete
	}
	return p.deliver(done.Report, format, file)
}

// rehearse does so with the worker's configuration.
func rehearse(ctx context.Context, o app.RehearsalOptions, env func(string) string, stderr io.Writer) (app.Rehearsed, error) {
	config, err := app.LoadConfig("", env)
	if err != nil {
		return app.Rehearsed{}, misuse{err}
	}
	logger, err := app.NewLogger(stderr, quiet(env), config.Redactor)
	if err != nil {
		return app.Rehearsed{}, usage("%v", err)
	}
	c, err := dial(ctx, env, stderr)
	if err != nil {
		return app.Rehearsed{}, err
	}
	defer c.Close()
	return app.Rehearse(ctx, c, config, o, logger)
}
