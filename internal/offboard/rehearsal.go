package offboard

import (
	"fmt"
	"strings"
	"time"
)

// Rehearsal marks a report as that of a rehearsal: everything in it happened in a simulated account that was made of a
// look at the real one. Nothing in the real one was changed.
type Rehearsal struct {
	Account    string    `json:"account"` // the real one, of which nothing was changed
	SurveyedAt time.Time `json:"surveyedAt"`
	// Faults are those that were asked for, and how often each struck. Seed makes random ones the same again.
	Faults []RehearsedFault `json:"faults,omitempty"`
	Seed   int64            `json:"seed,omitempty"`
	// Problems are what would have needed a person, in the order it came up; the first is the expected first problem.
	Problems []ExpectedProblem `json:"problems,omitempty"`
	// Expected is how long the real offboarding would take, by phase and scope. Usual and Long are the sums, without the
	// time that people take to answer.
	Expected []ExpectedTime `json:"expected,omitempty"`
	Usual    Duration       `json:"usual,omitempty"`
	Long     Duration       `json:"long,omitempty"`
	// Delays are what Expected takes for granted about the real account.
	Delays []AssumedDelay `json:"delays,omitempty"`
	// Outages are the times in which something in a simulated cluster had no working key; none is the goal.
	Outages []string `json:"outages,omitempty"`
	// Changed is what of the request and the policy was not the real one, Assumptions what no survey can see.
	Changed     []string `json:"changed,omitempty"`
	Assumptions []string `json:"assumptions,omitempty"`
}

// RehearsedFault is a fault that was asked for.
type RehearsedFault struct {
	Fault string `json:"fault"` // as it was asked for
	Means string `json:"means"`
	Hits  int    `json:"hits"` // how many requests it struck; zero for what is wrong with a cluster from the start
}

// ExpectedProblem is something that would need a person.
type ExpectedProblem struct {
	Kind    ProblemKind `json:"kind"`
	Phase   Phase       `json:"phase"`
	Subject string      `json:"subject"`
	Step    string      `json:"step,omitempty"`
	Text    string      `json:"text"`
	Remedy  string      `json:"remedy,omitempty"`
	Answer  string      `json:"answer,omitempty"` // what the rehearsal answered to go on
}

// ProblemKind says what sort of problem is expected.
type ProblemKind string

// The kinds of problems.
const (
	ProblemRefused  ProblemKind = "Refused"  // the run would not begin at all
	ProblemBlocker  ProblemKind = "Blocker"  // the plan could not be approved
	ProblemDecision ProblemKind = "Decision" // somebody would have to decide at approval
	ProblemHold     ProblemKind = "Hold"     // a step would wait for a person
)

// ExpectedTime is how long a phase, or a scope in it, took in the rehearsal and would take.
type ExpectedTime struct {
	Phase    Phase    `json:"phase"`
	Scope    string   `json:"scope,omitempty"` // empty for the phase as a whole
	Measured Duration `json:"measured"`
	Usual    Duration `json:"usual"`
	Long     Duration `json:"long"`
	Note     string   `json:"note,omitempty"` // what is not counted
}

// AssumedDelay is a delay of the real account, how long it was in the rehearsal and how long it is taken to be.
type AssumedDelay struct {
	Name      string   `json:"name"`
	Simulated Duration `json:"simulated"`
	Usual     Duration `json:"usual"`
	Long      Duration `json:"long"`
	Source    string   `json:"source"`
}

// Banner says what nobody must overlook.
func (r *Rehearsal) Banner() string {
	return fmt.Sprintf("Rehearsal: nothing in account %s was changed.", r.Account)
}

// Sentence says in short what came of it.
func (r *Rehearsal) Sentence() string {
	text := fmt.Sprintf("All of this happened in a simulated account, made of a look at the real one at %s; the account, the times and the keys made are its own.", clock(r.SurveyedAt))
	if len(r.Expected) > 0 {
		text += fmt.Sprintf(" The real offboarding is expected to take %s, and %s where everything is slow, besides the time in which people answer.", span(r.Usual.Std()), span(r.Long.Std()))
	}
	return text
}

// Title says in a few words what the report is of.
func (r Report) Title() string {
	if r.Rehearsal != nil {
		return "Rehearsal: " + r.Progress.Title()
	}
	return r.Progress.Title()
}

// account names the account of a report; that of a rehearsal is nobody's.
func (r Report) account() string {
	if r.Rehearsal != nil {
		return r.Progress.Account + " (simulated, made of " + r.Rehearsal.Account + ")"
	}
	return r.Progress.Account
}

// First is the expected first problem, nil where none is expected.
func (r *Rehearsal) First() *ExpectedProblem {
	if len(r.Problems) == 0 {
		return nil
	}
	return &r.Problems[0]
}

// String writes a problem in a line.
func (p ExpectedProblem) String() string {
	where := p.Subject
	if p.Step != "" && p.Step != p.Subject {
		where += ", " + p.Step
	}
	return fmt.Sprintf("%s in phase %q (%s): %s", p.Kind, p.Phase, where, strings.Join(strings.Fields(p.Text), " "))
}

// took says in words what it took and would take.
func (t ExpectedTime) took() (what, measured, usual, long string) {
	what = capital(string(t.Phase))
	if t.Scope != "" {
		what = "– " + t.Scope // part of the phase above it
	}
	return what, span(t.Measured.Std()), span(t.Usual.Std()), span(t.Long.Std())
}

// rehearsalMarkdown is the part of a report that only a rehearsal has.
func rehearsalMarkdown(r *Rehearsal) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	list := func(title string, items []string) {
		if len(items) == 0 {
			return
		}
		line("\n## %s\n", title)
		for _, i := range items {
			line("- %s", i)
		}
	}
	line("\n## Expected first problem\n")
	if p := r.First(); p == nil {
		line("None: nothing in the rehearsal needed a person but the approval.")
	} else {
		line("%s", p)
		if p.Remedy != "" {
			line("\nWhat to do: %s", p.Remedy)
		}
		if p.Answer != "" {
			line("\nThe rehearsal answered `%s` and went on.", p.Answer)
		}
	}
	if len(r.Problems) > 1 {
		line("\n## What else would need a person\n")
		for _, p := range r.Problems[1:] {
			line("- %s", p)
			if p.Remedy != "" {
				line("  What to do: %s", p.Remedy)
			}
			if p.Answer != "" {
				line("  The rehearsal answered `%s`.", p.Answer)
			}
		}
	}
	if len(r.Expected) > 0 {
		line("\n## Expected durations\n\n| phase | rehearsed | usual | where all is slow | not counted |\n|---|---|---|---|---|")
		for _, t := range r.Expected {
			what, measured, usual, long := t.took()
			line("| %s | %s | %s | %s | %s |", cell(what), measured, usual, long, dash(t.Note))
		}
		line("| **All** | | **%s** | **%s** | people's answers |", span(r.Usual.Std()), span(r.Long.Std()))
		line("\nThese delays of the real account are assumed:\n\n| delay | rehearsed | usual | long | why |\n|---|---|---|---|---|")
		for _, d := range r.Delays {
			line("| %s | %s | %s | %s | %s |", cell(d.Name), span(d.Simulated.Std()), span(d.Usual.Std()), span(d.Long.Std()), cell(d.Source))
		}
	}
	if len(r.Faults) > 0 {
		line("\n## Faults\n\n| fault | means | struck |\n|---|---|---|")
		for _, f := range r.Faults {
			line("| %s | %s | %d |", cell(f.Fault), cell(f.Means), f.Hits)
		}
		if r.Seed != 0 {
			line("\nSeed: %d", r.Seed)
		}
	}
	list("Without a working key in the rehearsal", r.Outages)
	list("Not as in the real run", r.Changed)
	list("Assumed", r.Assumptions)
	return b.String()
}
