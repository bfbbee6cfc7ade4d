package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"offboard/internal/offboard"
)

// oneRun makes cobra take exactly one RUN.
func oneRun(_ *cobra.Command, args []string) error {
	if len(args) != 1 || strings.TrimSpace(args[0]) == "" {
		return usage("name one run: by its workflow ID, or by the e-mail address or the IAM ID of the person it is about")
	}
	return nil
}

// with connects, finds the run and calls a verb with it.
func (p *program) with(cmd *cobra.Command, name string, verb func(ctx context.Context, r runs, id string) error) error {
	r, disconnect, err := p.connect(cmd.Context())
	if err != nil {
		return err
	}
	defer disconnect()
	id, err := r.Find(cmd.Context(), name)
	if err != nil {
		return err
	}
	return verb(cmd.Context(), r, id)
}

// message is what a verb tells a run, in a person's name.
type message struct {
	by    string
	note  string
	then  then
	wants offboard.Status // how the run ends if it does as it is told; empty: as any other
	check func() error    // what can be wrong before anybody is asked; may be nil
	send  func(ctx context.Context, r runs, id string) (string, error)
}

// tells adds the flags that every message has, and sends it.
func (p *program) tells(cmd *cobra.Command, m *message) *cobra.Command {
	cmd.Args = oneRun
	cmd.ValidArgsFunction = p.completeRun
	f := cmd.Flags()
	f.StringVar(&m.by, "by", "", "your e-mail address (required)")
	f.StringVar(&m.note, "note", "", "why, for the report")
	m.then.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !strings.Contains(m.by, "@") {
			return usage("say who you are: --by you@acme.example")
		}
		if m.check != nil {
			if err := m.check(); err != nil {
				return err
			}
		}
		return p.with(cmd, args[0], func(ctx context.Context, r runs, id string) error {
			answer, err := m.send(ctx, r, id)
			if err != nil {
				return err
			}
			if err := p.say(id, answer, m.then); err != nil {
				return err
			}
			p.wanted = m.wants
			return p.after(ctx, r, id, m.then)
		})
	}
	return cmd
}

// told is what a run answered, for programs.
type told struct {
	Run     string `json:"run"`
	Message string `json:"message"`
}

func (p *program) say(id, answer string, t then) error {
	switch {
	case p.format != "json":
		p.screen.Line("%s", answer)
		return nil
	case t.stays():
		return p.line(told{Run: id, Message: answer})
	}
	return p.json(told{Run: id, Message: answer})
}

// then is what comes after a verb that sets a run going.
type then struct{ wait, follow bool }

func (t *then) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&t.wait, "wait", false, "then show the run until it ends or needs a person")
	cmd.Flags().BoolVar(&t.follow, "follow", false, "then show the run until it ends, also while it needs a person")
}

func (t then) stays() bool { return t.wait || t.follow }

func (p *program) after(ctx context.Context, r runs, id string, t then) error {
	if !t.stays() {
		return nil
	}
	return p.follow(ctx, r, id, t.follow)
}

// outcomeOf is the exit code for how a run stands.
func (p *program) outcomeOf(now offboard.Progress) int {
	switch now.Status {
	case p.wanted, offboard.Completed, offboard.AlreadyGone, offboard.Planned:
		return done
	case offboard.Incomplete:
		return incomplete
	case offboard.Running:
		if now.NeedsPerson() {
			return incomplete
		}
		return done
	}
	return failed // the offboarding was asked for and did not happen: Rejected, Reinstated, RolledBack
}
