// Package demo tells one offboarding of the sample account from start to report, and keeps the same stack up for people
// who want to start one by hand.
//
// It plays the people: somebody in HR who asks, somebody on the platform team who approves. It must not know how the
// engine works; what it believes, it believes because the simulated account's ledger says so.
package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"offboard/dev/internal/stack"
	"offboard/dev/internal/witness"
	"offboard/internal/console"
	"offboard/internal/offboard"
	"offboard/workflows"
)

// The people of the demo, all of the sample account or outside it.
const (
	Leaver    = "leaver@acme.example"
	Requester = "hr@acme.example"
	Approver  = "platform-lead@acme.example"
)

// soak is longer than the four seconds a token of the sample account lives, so that the wait shows what it is for.
const soak = "6s"

// limit ends a demo that hangs; it takes well under a minute.
const limit = 3 * time.Minute

// Options say how to run it.
type Options struct {
	Stack   stack.Options
	Reports string // directory for the report and the log
	Keep    bool   // stay up until the context ends
}

// Run tells one offboarding. The error says why it was not a good one.
func Run(ctx context.Context, o Options, w io.Writer, env func(string) string) error {
	log, err := openLog(o.Reports)
	if err != nil {
		return err
	}
	defer log.Close()
	o.Stack.Engine.Reports, o.Stack.Engine.Log = o.Reports, log

	begun := time.Now()
	s, err := stack.Start(ctx, o.Stack)
	if err != nil {
		return err
	}
	out := console.New(w, env)
	out.Line("Temporal %s, Web UI %s, simulated IBM Cloud %s (up in %s)", s.Temporal.Address(), s.Temporal.UI(), s.Sim.URL, console.Elapsed(time.Since(begun)))
	err = tell(ctx, s, out, o.Reports)
	out.Line("%-14s %s", "Took", console.Elapsed(time.Since(begun)))
	if o.Keep && ctx.Err() == nil {
		if err != nil {
			out.Line("\n%v", err)
		}
		Describe(out, s)
		s.Wait(ctx)
	}
	return errors.Join(err, s.Stop())
}

// openLog makes the directory for what a demo leaves behind and the log of the worker in it.
func openLog(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory for reports: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "worker.log"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the worker's log: %w", err)
	}
	return f, nil
}

func tell(ctx context.Context, s *stack.Stack, out *console.Console, reports string) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()

	request, err := sampleRequest()
	if err != nil {
		return err
	}
	out.Heading(fmt.Sprintf("%s asks to offboard %s", Requester, Leaver))
	run, err := s.Runs.Start(ctx, request)
	if err != nil {
		return err
	}
	out.Line("%s", run.Link)

	plan, err := awaitPlan(ctx, s, run.WorkflowID)
	if err != nil {
		return err
	}
	out.Line("")
	out.Plan(plan)

	out.Heading(fmt.Sprintf("%s reads the plan and approves it", Approver))
	answers := Answers(plan)
	for _, f := range plan.Findings {
		if answer, asked := answers[f.ID]; asked {
			out.Line("  %s: %s", f.ID, answer)
		}
	}
	said, err := s.Runs.Approve(ctx, run.WorkflowID, workflows.Approve{By: Approver, Digest: plan.Digest, Answers: answers, Note: "Read it with the cluster owners."})
	if err != nil {
		return fmt.Errorf("approve the plan: %w", err)
	}
	out.Line("%s\n", said)

	live := out.Live()
	err = s.Runs.Follow(ctx, run.WorkflowID, 250*time.Millisecond, func(p offboard.Progress, scopes map[string]offboard.ScopeProgress) bool {
		live.Show(p, scopes, time.Now())
		return len(p.Holds) > 0 // nobody is here to answer
	})
	if err != nil {
		return fmt.Errorf("follow the run: %w", err)
	}
	report, open, err := s.Runs.Report(ctx, run.WorkflowID)
	if err != nil {
		return fmt.Errorf("read the report: %w", err)
	}
	if open {
		return fmt.Errorf("the run holds for a person, which a demo has none of: %s", report.Progress.Holds[0].Problem)
	}
	out.Heading("Report")
	out.Report(report)
	return judge(s, out, report, run.Link, reports)
}

// judge asks the account whether the report is true.
func judge(s *stack.Stack, out *console.Console, report offboard.Report, link, reports string) error {
	ledger, outages := s.Sim.Ledger(), s.Sim.Outages()
	out.Heading("Where to look")
	for _, place := range places(reports, report.Progress.RunID) {
		out.Line("%-14s %s", "Report", place)
	}
	out.Line("%-14s %s", "Web UI", link)
	out.Line("%-14s %s", "Worker's log", filepath.Join(reports, "worker.log"))
	problems := witness.Judge(report, ledger, outages)
	for _, u := range s.Sim.Unknown() {
		problems = append(problems, fmt.Sprintf("the simulator does not know %s %s", u.Method, u.Route))
	}
	verdict := out.Good
	if len(problems) > 0 {
		verdict = out.Bad
	}
	out.Line("%-14s %s", "Witness", verdict(fmt.Sprintf("sim: %d outages, %d resets by %s, %d changes in all", len(outages), witness.Resets(ledger), resetBy(report), len(ledger))))
	if len(problems) == 0 {
		return nil
	}
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = errors.New(p)
	}
	return fmt.Errorf("the account saw otherwise:\n%w", errors.Join(errs...))
}

// places are the files of a report, the page for people first.
func places(dir, runID string) []string {
	var list []string
	for _, ending := range []string{".html", ".md", ".json"} {
		found, err := filepath.Glob(filepath.Join(dir, "*"+runID+ending))
		if err == nil {
			list = append(list, found...)
		}
	}
	return list
}

func resetBy(r offboard.Report) string {
	for _, s := range r.Progress.Scopes {
		if s.FunctionalID != "" {
			return s.FunctionalID
		}
	}
	return "nobody"
}

func sampleRequest() (offboard.Request, error) {
	input, err := json.Marshal(map[string]string{"user": Leaver, "mode": offboard.ModeExecute, "soak": soak,
		"requestedBy": Requester, "ticket": "HR-1234", "reason": "leaves the company"})
	if err != nil {
		return offboard.Request{}, fmt.Errorf("write the sample input: %w", err)
	}
	return offboard.DecodeRequest(input, time.Now())
}

// awaitPlan waits until the run shows a plan that can be approved.
func awaitPlan(ctx context.Context, s *stack.Stack, workflowID string) (offboard.Plan, error) {
	var plan *offboard.Plan
	err := s.Runs.Follow(ctx, workflowID, 100*time.Millisecond, func(p offboard.Progress, _ map[string]offboard.ScopeProgress) bool {
		if p.Phase != offboard.PhaseApprove {
			return false
		}
		plan = p.Plan
		return plan != nil
	})
	switch {
	case err != nil:
		return offboard.Plan{}, fmt.Errorf("wait for the plan: %w", err)
	case plan == nil:
		return offboard.Plan{}, errors.New("the run ended without a plan to approve")
	case plan.Blockers() > 0:
		return offboard.Plan{}, fmt.Errorf("the plan has %d blockers", plan.Blockers())
	}
	return *plan, nil
}

// Answers gives every Decision of a plan its first option, which is the safest.
func Answers(plan offboard.Plan) map[string]string {
	answers := map[string]string{}
	for _, f := range plan.Findings {
		if f.Severity == offboard.Decision && len(f.Options) > 0 {
			answers[f.ID] = f.Options[0]
		}
	}
	return answers
}
