package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"offboard/internal/app"
	"offboard/internal/offboard"
)

// bulk is how many people of a file are started.
type bulk struct {
	file     string
	most     int // the brake
	parallel int
}

// The outcomes of one person's start.
const (
	outcomeStarted    = "Started"
	outcomeRunning    = "AlreadyRunning" // by an earlier call, or by somebody else: nothing to do
	outcomeFailed     = "Failed"
	outcomeUnknown    = "Unknown" // the answer was lost, and nobody can be asked
	outcomeNotStarted = "NotStarted"
)

// bulkLine is what became of one person of a file.
type bulkLine struct {
	Line       int    `json:"line"`
	User       string `json:"user"`
	Outcome    string `json:"outcome"`
	WorkflowID string `json:"workflowId,omitempty"`
	Link       string `json:"link,omitempty"`
	Error      string `json:"error,omitempty"`
}

// bulkTotal ends the lines.
type bulkTotal struct {
	Summary bulkSummary `json:"summary"`
}

type bulkSummary struct {
	People         int `json:"people"`
	Started        int `json:"started"`
	AlreadyRunning int `json:"alreadyRunning"`
	Failed         int `json:"failed"`
	Unknown        int `json:"unknown"`
	NotStarted     int `json:"notStarted"`
}

// startMany starts everybody of a file, or nobody if anything is wrong with it.
func (p *program) startMany(ctx context.Context, b bulk, defaults map[string]any, yes, dry bool) error {
	if b.most < 1 || b.parallel < 1 {
		return usage("--most and --parallel must be at least 1")
	}
	data, err := p.contents(b.file)
	if err != nil {
		return usage("read the people: %v", err)
	}
	name := b.file
	if name == "-" {
		name = "standard input"
	}
	people, err := readLeavers(name, data, defaults, p.now())
	if err != nil {
		return misuse{err}
	}
	if dry {
		if err := p.showPeople(people); err != nil {
			return err
		}
	}
	if len(people) > b.most {
		return usage("%s names %d people and the brake is at %d, nothing was started: if the list is right, say --most %d", name, len(people), b.most, len(people))
	}
	if dry {
		return nil
	}
	if err := p.confirmMany(people, yes); err != nil {
		return err
	}
	r, disconnect, err := p.connect(ctx)
	if err != nil {
		return err
	}
	defer disconnect()
	s := &starts{program: p, runs: r, lines: make([]bulkLine, len(people))}
	stopped := s.all(ctx, people, b.parallel)
	if err := s.show(); err != nil {
		return err
	}
	return stopped
}

// contents reads a file, or standard input for "-".
func (p *program) contents(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(p.in)
	}
	return os.ReadFile(name)
}

// showPeople prints what would be started.
func (p *program) showPeople(people []leaver) error {
	var rows [][]string
	for _, l := range people {
		if p.format == "json" {
			if err := p.line(wouldStart{Line: l.line, Request: l.request}); err != nil {
				return err
			}
			continue
		}
		day, line := "–", "–"
		if !l.request.LastDay.IsZero() {
			day = l.request.LastDay.UTC().Format(time.DateTime)
		}
		if l.line > 0 {
			line = fmt.Sprint(l.line)
		}
		rows = append(rows, []string{line, l.request.User, l.request.Mode, day, l.request.Soak.String(), l.request.Approval, l.request.Ticket})
	}
	if p.format != "json" {
		p.screen.Table([]string{"LINE", "PERSON", "MODE", "LAST DAY (UTC)", "SOAK", "APPROVAL", "TICKET"}, rows)
		p.screen.Line("\nNothing was started.")
	}
	return nil
}

// starts starts many people, some at a time.
type starts struct {
	program *program
	runs    runs

	mu    sync.Mutex // guards lines and the output
	lines []bulkLine
	err   error // what went wrong with the output
}

// startPatience bounds one start; a server that is up answers in milliseconds.
const startPatience = 15 * time.Second

// all starts everybody. The first failure stops what has not begun: it would meet the same trouble, and the file may
// be run again. The error says so.
func (s *starts) all(ctx context.Context, people []leaver, parallel int) error {
	for i, l := range people {
		s.lines[i] = bulkLine{Line: l.line, User: l.request.User, Outcome: outcomeNotStarted}
	}
	open := map[string]app.Listed{}
	const most = 1000 // more are found by their workflow ID
	list, err := s.runs.List(ctx, app.Filter{Open: true, Limit: most})
	if err != nil {
		return stopped(ctx, err)
	}
	for _, l := range list {
		open[strings.ToLower(l.Person)] = l
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, l := range people {
		group.Go(func() error {
			if err := groupCtx.Err(); err != nil {
				return err // after the first error: nothing is begun any more
			}
			line, err := s.one(groupCtx, s.lines[i], l.request, open)
			s.finish(i, line)
			return err
		})
	}
	return stopped(ctx, group.Wait())
}

// one starts one person.
func (s *starts) one(ctx context.Context, line bulkLine, request offboard.Request, open map[string]app.Listed) (bulkLine, error) {
	if l, running := open[strings.ToLower(request.User)]; running {
		line.Outcome, line.WorkflowID, line.Link = outcomeRunning, l.WorkflowID, l.Link
		return line, nil
	}
	trying, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	started, err := s.runs.Start(trying, request)
	if running, yes := errors.AsType[*app.AlreadyRunning](err); yes {
		line.Outcome, line.WorkflowID, line.Link = outcomeRunning, running.WorkflowID, running.Link
		return line, nil
	}
	if err != nil && (app.Away(err) || ctx.Err() != nil) {
		return s.lookFor(ctx, line, request, err)
	}
	if err != nil {
		line.Outcome, line.Error = outcomeFailed, err.Error()
		return line, err
	}
	line.Outcome, line.WorkflowID, line.Link = outcomeStarted, started.WorkflowID, started.Link
	return line, nil
}

// lookFor finds out whether a start was made whose answer did not come. It asks even after an interruption.
func (s *starts) lookFor(ctx context.Context, line bulkLine, request offboard.Request, unanswered error) (bulkLine, error) {
	looking, cancel := context.WithTimeout(context.WithoutCancel(ctx), startPatience)
	defer cancel()
	found, err := s.runs.Open(looking, request)
	_, none := errors.AsType[*app.NoRun](err)
	switch {
	case err == nil:
		line.Outcome, line.WorkflowID, line.Link = outcomeStarted, found.WorkflowID, found.Link
		return line, nil
	case none && ctx.Err() != nil: // nothing failed: it was given up
		return line, unanswered
	case none:
		line.Outcome, line.Error = outcomeFailed, unanswered.Error()
	default:
		line.Outcome, line.Error = outcomeUnknown, "Temporal did not answer, neither to the start nor to the question whether it was made"
	}
	return line, unanswered
}

func (s *starts) finish(i int, line bulkLine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines[i] = line
	if s.program.format == "json" && s.err == nil && line.Outcome != outcomeNotStarted { // those come at the end
		s.err = s.program.line(line)
	}
}

// stopped says what the rest of the people owe to what went wrong.
func stopped(ctx context.Context, err error) error {
	switch {
	case err == nil && ctx.Err() == nil:
		return nil
	case ctx.Err() != nil:
		err = errors.New("interrupted")
	}
	return fmt.Errorf("%w\nNot everybody was started. Run the same file again: who has a run is left alone", err)
}

// show prints what became of everybody, and sets the exit code.
func (s *starts) show() error {
	p := s.program
	var sum bulkSummary
	var rows [][]string
	for _, l := range s.lines {
		sum.People++
		outcome := p.screen.Bad(l.Outcome)
		switch l.Outcome {
		case outcomeStarted:
			sum.Started++
			outcome = p.screen.Good(l.Outcome)
		case outcomeRunning:
			sum.AlreadyRunning++
			outcome = l.Outcome
		case outcomeFailed:
			sum.Failed++
		case outcomeUnknown:
			sum.Unknown++
		case outcomeNotStarted:
			sum.NotStarted++
			if p.format == "json" && s.err == nil {
				s.err = p.line(l)
			}
		}
		rows = append(rows, []string{fmt.Sprint(l.Line), l.User, outcome, l.WorkflowID})
	}
	if sum.Failed+sum.Unknown+sum.NotStarted > 0 {
		p.outcome = failed
	}
	if p.format == "json" {
		if s.err != nil {
			return s.err
		}
		return p.line(bulkTotal{Summary: sum})
	}
	p.screen.Table([]string{"LINE", "PERSON", "OUTCOME", "RUN"}, rows)
	p.screen.Line("\n%d people: %d started, %d running already, %d failed, %d unknown, %d not started.",
		sum.People, sum.Started, sum.AlreadyRunning, sum.Failed, sum.Unknown, sum.NotStarted)
	if sum.Started > 0 {
		p.screen.Line("See who needs you: starter list --needs-person")
	}
	return nil
}
