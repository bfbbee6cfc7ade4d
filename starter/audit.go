package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"offboard/internal/app"
	"offboard/internal/console"
	"offboard/internal/offboard"
)

// auditFormats are how an audit can be printed.
var auditFormats = []string{"text", "json", "markdown", "html"}

// auditLook is how often an audit under way is looked at, where somebody watches.
const auditLook = time.Second

// audits is what the verb needs of the engine.
type audits interface {
	Audit(context.Context, offboard.AuditRequest) (app.Started, error)
	WaitAudit(ctx context.Context, workflowID, runID string) (offboard.Audit, error)
	AuditStatus(ctx context.Context, workflowID, runID string) (offboard.AuditProgress, error)
	ScheduleAudit(ctx context.Context, when string, request offboard.AuditRequest) (app.Scheduled, error)
	UnscheduleAudit(ctx context.Context, request offboard.AuditRequest) (app.Scheduled, error)
}

// outputsOf is the annotation of a verb that prints in more ways than the others.
const outputsOf = "outputs"

// formatsOf are the ways a verb can print.
func formatsOf(cmd *cobra.Command) []string {
	if list := cmd.Annotations[outputsOf]; list != "" {
		return strings.Split(list, ",")
	}
	return []string{"text", "json"}
}

// oneOf says a choice in words: "text, json or html".
func oneOf(list []string) string {
	last := len(list) - 1
	return strings.Join(list[:last], ", ") + " or " + list[last]
}

// auditing is one call of audit.
type auditing struct {
	request  offboard.AuditRequest
	previous string // file
	failOn   string
	out      string // file
	schedule string
	start    bool // do not wait
}

func (p *program) auditCommand() *cobra.Command {
	var a auditing
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Tell who would break the clusters if they left today",
		Long: `Audit looks at the whole account and changes nothing: whose keys the clusters run on, what stops when those people leave,
what is broken already, which superseded keys can go, and what to do about each. It waits for the result and prints it.

With --dependents it also looks into every cluster, which is what proves that superseded keys are unused. It compares
itself with the audit before, or with the one that --previous names. With --fail-on it ends with 3 where there is a
finding of that severity or a higher one, for pipelines.

With --schedule audits are made again and again, at the times a cron expression says, in UTC; asked for again, the
schedule is changed, and "none" takes it away.`,
		Example: `  starter audit
  starter audit --dependents --output html --out audit.html
  starter audit --previous last-week.json --fail-on blocker
  starter audit --dependents --schedule "0 6 * * 1"`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.check(p, cmd.Flags().Changed("schedule")); err != nil {
				return err
			}
			r, disconnect, err := p.connect(cmd.Context())
			if err != nil {
				return err
			}
			defer disconnect()
			if cmd.Flags().Changed("schedule") {
				return p.scheduleAudit(cmd.Context(), r, a)
			}
			return p.audit(cmd.Context(), r, a)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&a.request.Dependents, "dependents", false, "look into every cluster, too")
	f.BoolVar(&a.request.EveryKey, "every-key", false, "ask for the last use of every user's personal keys, one call each")
	f.StringVar(&a.request.Account, "account", "", "the account, where the engine works on several")
	f.StringVar(&a.request.RequestedBy, "requested-by", "", "your e-mail address, for the record")
	f.StringVar(&a.request.Reason, "reason", "", "why, for the record")
	f.StringVar(&a.previous, "previous", "", "compare with the audit in this file, as --output json wrote it")
	f.StringVar(&a.failOn, "fail-on", "", "end with 3 where there is a finding of this severity or a higher one: blocker, decision or note")
	f.StringVar(&a.out, "out", "", "write it to this file, which only you can read, instead of printing it")
	f.StringVar(&a.schedule, "schedule", "", `have audits made at these times, as in "0 6 * * 1"; none: no more`)
	f.BoolVar(&a.start, "start", false, "start it and do not wait")
	choices(cmd, "fail-on", "blocker", "decision", "note")
	complete(cmd, "schedule", cobra.NoFileCompletions)
	f.StringVarP(&p.format, "output", "o", "text", "how to print: "+oneOf(auditFormats))
	choices(cmd, "output", auditFormats...)
	cmd.Annotations = map[string]string{outputsOf: strings.Join(auditFormats, ",")}
	return cmd
}

// check finds what can be wrong before anything is asked.
func (a *auditing) check(p *program, schedules bool) error {
	if a.failOn != "" && a.severity() == "" {
		return usage("--fail-on is %q: it must be blocker, decision or note", a.failOn)
	}
	given := func(flags ...bool) bool { return slices.Contains(flags, true) }
	switch {
	case schedules && a.schedule == "":
		return usage(`--schedule is empty: give a cron expression like "0 6 * * 1", or none`)
	case schedules && given(a.previous != "", a.failOn != "", a.out != "", a.start):
		return usage("--schedule only says when: --previous, --fail-on, --out and --start do not go with it")
	case a.start && given(a.previous != "", a.failOn != "", a.out != ""):
		return usage("--start does not wait for a result: --previous, --fail-on and --out do not go with it")
	case (schedules || a.start) && !slices.Contains([]string{"text", "json"}, p.format):
		return usage("there is no audit to print yet: --output must be text or json")
	}
	data, err := json.Marshal(a.request)
	if err != nil {
		return fmt.Errorf("write the input: %w", err)
	}
	_, err = offboard.DecodeAuditRequest(data)
	return err
}

func (a *auditing) severity() offboard.Severity {
	for _, s := range []offboard.Severity{offboard.Blocker, offboard.Decision, offboard.Note} {
		if strings.EqualFold(string(s), a.failOn) {
			return s
		}
	}
	return ""
}

func (p *program) scheduleAudit(ctx context.Context, r runs, a auditing) error {
	var s app.Scheduled
	var err error
	if strings.EqualFold(a.schedule, "none") {
		s, err = r.UnscheduleAudit(ctx, a.request)
	} else {
		s, err = r.ScheduleAudit(ctx, a.schedule, a.request)
	}
	if err != nil {
		return err
	}
	switch {
	case p.format == "json":
		return p.json(s)
	case s.Removed:
		p.screen.Line("The schedule %s is removed.", s.ID)
	case s.When == "":
		p.screen.Line("There is no schedule %s.", s.ID)
	default:
		did := "changed"
		if s.Created {
			did = "made"
		}
		p.screen.Line("The schedule %s is %s: %s.", s.ID, did, s.When)
		for _, next := range s.Next {
			p.screen.Line("  %s", next.UTC().Format("Mon 2006-01-02 15:04 MST"))
		}
	}
	return nil
}

func (p *program) audit(ctx context.Context, r runs, a auditing) error {
	before, err := previousAudit(a.previous)
	if err != nil {
		return err
	}
	started, err := r.Audit(ctx, a.request)
	if open, yes := errors.AsType[*app.AlreadyRunning](err); yes {
		return fmt.Errorf("an audit of this account is under way already: %s\n%s", open.WorkflowID, open.Link)
	}
	if err != nil {
		return err
	}
	if a.start {
		if p.format == "json" {
			return p.json(started)
		}
		p.screen.Line("Started %s\n%s", started.WorkflowID, started.Link)
		return nil
	}
	audit, err := p.awaitAudit(ctx, r, started)
	if err != nil {
		return err
	}
	if before != nil {
		audit = audit.Compared(*before)
	}
	if a.failOn != "" && audit.Reaches(a.severity()) {
		p.outcome = incomplete
	}
	return p.deliverAudit(audit, a.out)
}

// previousAudit reads an audit from a file; nil where none is named.
func previousAudit(file string) (*offboard.AuditDigest, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, usage("--previous: %v", err)
	}
	var audit offboard.Audit
	if err := json.Unmarshal(data, &audit); err != nil {
		return nil, usage("--previous: %s is no audit: %v", file, err)
	}
	if audit.Version != offboard.AuditVersion || audit.TakenAt.IsZero() {
		return nil, usage("--previous: %s is no audit of version %d", file, offboard.AuditVersion)
	}
	digest := audit.Digest()
	return &digest, nil
}

// awaitAudit waits for the result, and says how far it is where somebody reads along.
func (p *program) awaitAudit(ctx context.Context, r runs, started app.Started) (offboard.Audit, error) {
	type outcome struct {
		audit offboard.Audit
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		audit, err := r.WaitAudit(ctx, started.WorkflowID, started.RunID)
		done <- outcome{audit, err}
	}()
	if !p.asks {
		o := <-done
		return o.audit, o.err
	}
	fmt.Fprintln(p.err, "Auditing; nothing is changed.", started.Link)
	ticker := time.NewTicker(auditLook)
	defer ticker.Stop()
	last := ""
	for {
		select {
		case o := <-done:
			return o.audit, o.err
		case <-ticker.C:
			state, err := r.AuditStatus(ctx, started.WorkflowID, started.RunID)
			text := strings.TrimSpace(state.Step + " " + state.Done())
			if err == nil && text != last { // who cannot be asked just now is waited for all the same
				fmt.Fprintln(p.err, text)
				last = text
			}
		}
	}
}

func (p *program) deliverAudit(audit offboard.Audit, file string) error {
	if p.format == "text" && file == "" {
		p.screen.Audit(audit)
		return nil
	}
	data, err := p.renderAudit(audit)
	if err != nil {
		return err
	}
	return p.write(data, file)
}

func (p *program) renderAudit(audit offboard.Audit) ([]byte, error) {
	switch p.format {
	case "markdown":
		return []byte(audit.Markdown()), nil
	case "html":
		return audit.HTML()
	case "json":
		data, err := json.MarshalIndent(audit, "", "  ")
		return append(data, '\n'), err
	}
	var b bytes.Buffer
	console.New(&b, p.env).Audit(audit)
	return b.Bytes(), nil
}
