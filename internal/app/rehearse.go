package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"offboard/internal/offboard"
	"offboard/internal/rehearsal"
	"offboard/workflows"
)

// RehearsalOptions say what is rehearsed.
type RehearsalOptions struct {
	Request offboard.Request
	Faults  []string // as rehearsal.ParseFaults takes them
	Seed    int64    // draws the random faults; zero: by chance
	// Patience is how long a step is tried, and an invitation may be open, before the run holds; zero: a minute.
	Patience time.Duration
	// Say tells people what is being done, Show how the run stands; either may be nil.
	Say  func(format string, args ...any)
	Show func(offboard.Progress, map[string]offboard.ScopeProgress)
}

// Rehearsed is a finished rehearsal.
type Rehearsed struct {
	Report offboard.Report
	Place  string // where the report is kept; empty where the configuration names no directory
}

// Rehearse looks at the account that the configuration names, which changes nothing, and runs the whole offboarding in a
// simulated one that is made of it: on the connection's Temporal server, with a worker of its own and on a task queue of
// its own. The report says that it is one of a rehearsal. Faults that do not exist are an *InvalidFaults; what else is
// wrong with the request is the rehearsal's first problem. When the context ends, the run is cancelled and the worker
// drained before Rehearse returns.
func Rehearse(ctx context.Context, c *Connection, config Config, o RehearsalOptions, logger *zap.Logger) (_ Rehearsed, err error) {
	r := &rehearsing{connection: c, config: config, options: o, logger: logger, id: strings.ToLower(rand.Text()[:12])}
	r.options.Seed = cmp.Or(o.Seed, seed())
	if r.options.Say == nil {
		r.options.Say = func(string, ...any) {}
	}
	faults, err := rehearsal.ParseFaults(o.Faults, r.options.Seed)
	if err != nil {
		return Rehearsed{}, &InvalidFaults{err}
	}
	if r.options.Request.Account != "" && r.options.Request.Account != config.Account {
		return Rehearsed{}, &offboard.InvalidInput{Problems: []string{fmt.Sprintf("\"account\" is %q, but the configuration is for account %q", o.Request.Account, config.Account)}}
	}
	r.options.Say("Looking at account %s; nothing in it is changed …", config.Account)
	var latency time.Duration
	if r.view, latency, err = lookAt(ctx, config, o.Request.User, logger); err != nil {
		return Rehearsed{}, err
	}
	scene, err := rehearsal.NewScene(r.view, rehearsal.Quick, latency)
	if err != nil {
		return Rehearsed{}, fmt.Errorf("make a simulated account of %s: %w", config.Account, err)
	}
	if r.stage, err = rehearsal.Open(ctx, scene, faults); err != nil {
		return Rehearsed{}, err
	}
	defer func() { err = errors.Join(err, r.stage.Close()) }()
	r.options.Say("Saw %d users, %d API keys and %d clusters in %s; rehearsing in the simulated account %s …",
		len(r.view.People), len(r.view.Keys), len(r.view.Clusters), r.view.Took.Round(time.Second/10), scene.Account.ID)
	report, err := r.play(ctx)
	if err != nil {
		return Rehearsed{}, err
	}
	report.Rehearsal = r.mark(report.Progress)
	place, err := NewShelf(config.Reports, Signer{}).Keep(ctx, "rehearsal-"+r.id, report)
	return Rehearsed{Report: report, Place: place}, err
}

// InvalidFaults says what is wrong with the faults that were asked for, and what there is.
type InvalidFaults struct{ Problem error }

// Error implements error.
func (e *InvalidFaults) Error() string { return e.Problem.Error() }

// Unwrap gives the error itself.
func (e *InvalidFaults) Unwrap() error { return e.Problem }

func seed() int64 {
	var b [8]byte
	rand.Read(b[:])                                     // never fails, see its documentation
	return int64(binary.BigEndian.Uint64(b[:])>>12) + 1 // a number that every reader of JSON can hold
}

// rehearsing is one rehearsal.
type rehearsing struct {
	connection *Connection
	config     Config
	options    RehearsalOptions
	logger     *zap.Logger
	id         string
	view       rehearsal.View
	stage      *rehearsal.Stage

	problems []offboard.ExpectedProblem
	tried    map[string]int // answers to each hold, by subject and step
	seen     offboard.Progress
}

// How the run is called, where nobody else's is.
func (r *rehearsing) workflowID() string { return "rehearsal/" + r.id }
func (r *rehearsing) queue() string      { return workflows.TaskQueue + "-rehearsal/" + r.id }

// mark makes of what came up what the report says of the rehearsal.
func (r *rehearsing) mark(p offboard.Progress) *offboard.Rehearsal {
	m := &offboard.Rehearsal{
		Account: r.config.Account, SurveyedAt: r.view.TakenAt.UTC(), Faults: r.stage.Faults(), Problems: r.problems,
		Delays: rehearsal.Assumed(), Outages: r.stage.Outages(), Changed: r.changed(), Assumptions: r.stage.Scene.Assumptions,
	}
	for _, f := range m.Faults {
		if strings.HasPrefix(f.Fault, "random") {
			m.Seed = r.options.Seed
		}
	}
	for _, call := range r.stage.Unknown() {
		m.Assumptions = append(m.Assumptions, "The simulator does not know "+call+": what that was for was not rehearsed.")
	}
	m.Expected, m.Usual, m.Long = rehearsal.Expect(p, rehearsal.Terms{
		Soak:   max(r.options.Request.Soak, r.config.Policy.MinimumSoak, r.view.Account.TokenLife),
		Survey: r.view.Took, ParallelScopes: r.config.Policy.ParallelScopes,
	})
	return m
}

// Times of a rehearsal: long enough for a busy machine, short enough to be waited for.
const (
	second        = offboard.Duration(time.Second)
	rehearsedSoak = 5 * second
)

// quick is the policy with the times of a rehearsal, and without what only people and doors can give.
func (r *rehearsing) quick() offboard.Policy {
	p := r.config.Policy
	p.MinimumSoak, p.SoakProbe = rehearsedSoak, 2*second
	p.Replication, p.SecretPatience, p.GrantPatience = 3*second, 5*second, 20*second
	patience := offboard.Duration(cmp.Or(r.options.Patience, time.Minute))
	p.StepBudget, p.AcceptanceDeadline = patience, patience
	p.VerifiedApproval, p.ApproverKeys = false, nil
	return p
}

// request is what was asked for, with a short soak and for the simulated account.
func (r *rehearsing) request() offboard.Request {
	q := r.options.Request
	q.Mode, q.Approval, q.Account = offboard.ModeExecute, offboard.ApprovalRequired, ""
	q.LastDay, q.Soak = time.Time{}, rehearsedSoak
	return q
}

// changed says what of the request and the policy was not the real one.
func (r *rehearsing) changed() []string {
	real, quick := r.config.Policy, r.quick()
	var list []string
	time := func(what string, was, is offboard.Duration) {
		if was != is {
			list = append(list, fmt.Sprintf("%s was %s instead of %s.", what, is, was))
		}
	}
	time("The soak", r.options.Request.Soak, rehearsedSoak)
	time("The time between two looks during the soak", real.SoakProbe, quick.SoakProbe)
	time("The time a new key may stay hidden", real.Replication, quick.Replication)
	time("The time a secret may take to be renewed", real.SecretPatience, quick.SecretPatience)
	time("The time a grant may take to act", real.GrantPatience, quick.GrantPatience)
	time("The time an invitation may be open", real.AcceptanceDeadline, quick.AcceptanceDeadline)
	budget := "the engine's own, most of them an hour"
	if real.StepBudget > 0 {
		budget = real.StepBudget.String()
	}
	list = append(list,
		fmt.Sprintf("The time each step is tried before it holds was %s instead of %s.", quick.StepBudget, budget),
		"The approval was given by the rehearsal, with the plan's digest and the first, safest answer to each question.",
		"Holds were answered by the rehearsal: retry once where that may help, then skip, and abort where nothing can be skipped.",
		"Nobody was told: no notice was sent.")
	if real.VerifiedApproval {
		list = append(list, "The approval was not verified, which the policy demands of a real one.")
	}
	if !r.options.Request.LastDay.IsZero() {
		list = append(list, "The last day was not waited for.")
	}
	return list
}
