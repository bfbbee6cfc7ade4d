package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"offboard/internal/app"
	"offboard/internal/console"
	"offboard/internal/offboard"
	"offboard/workflows"
)

// The exit codes.
const (
	done       = 0
	failed     = 1
	misused    = 2
	incomplete = 3
)

// runs is what the verbs need of the engine.
type runs interface {
	Start(context.Context, offboard.Request) (app.Started, error)
	Move(context.Context, offboard.MoveRequest) (app.Started, error)
	Prune(context.Context, offboard.PruneRequest) (app.Started, error)
	audits
	Open(context.Context, offboard.Request) (app.Started, error)
	Find(ctx context.Context, name string) (string, error)
	List(context.Context, app.Filter) ([]app.Listed, error)
	Status(ctx context.Context, workflowID string) (offboard.Progress, map[string]offboard.ScopeProgress, error)
	Follow(ctx context.Context, workflowID string, every time.Duration, show func(offboard.Progress, map[string]offboard.ScopeProgress) bool) error
	Report(ctx context.Context, workflowID string) (offboard.Report, bool, error)
	Approve(ctx context.Context, workflowID string, a workflows.Approve) (string, error)
	Reject(ctx context.Context, workflowID string, a workflows.Reject) (string, error)
	Reschedule(ctx context.Context, workflowID string, a workflows.Reschedule) (string, error)
	Reinstate(ctx context.Context, workflowID string, a workflows.Reinstate) (string, error)
	Resolve(ctx context.Context, workflowID string, a workflows.Resolve) (string, error)
	Link(workflowID, runID string) string
	StartForm() string
	SetUp(context.Context) (app.SetUp, error)
}

// program is one call of the command line.
type program struct {
	env         func(string) string
	in          *bufio.Reader
	out, err    io.Writer
	screen      *console.Console
	typed       bool // the input comes from a keyboard
	asks        bool // somebody reads what goes to err, and can answer
	interactive bool // somebody reads what goes to out, and can answer
	now         func() time.Time
	pause       func(context.Context, time.Duration) // before what was away is asked again
	connect     func(context.Context) (runs, func(), error)
	checks      func(context.Context) ([]app.Check, error)
	drift       func(context.Context, offboard.Report) ([]app.Check, error) // from the account of a report
	rehearse    func(context.Context, app.RehearsalOptions) (app.Rehearsed, error)

	format  string          // text or json
	begun   bool            // a verb was reached: what fails from then on is no misuse
	outcome int             // the exit code of a verb that did not fail
	wanted  offboard.Status // the end that the verb asked for, where it is not the offboarding's own
}

func newProgram(env func(string) string, stdin io.Reader, stdout, stderr io.Writer) *program {
	p := &program{env: env, in: bufio.NewReader(stdin), out: stdout, err: stderr, screen: console.New(stdout, env), now: time.Now, pause: pause}
	p.typed = isTerminal(stdin)
	p.asks, p.interactive = p.typed && isTerminal(stderr), p.typed && p.screen.IsTerminal()
	return p
}

func isTerminal(stream any) bool {
	f, isFile := stream.(*os.File)
	return isFile && term.IsTerminal(int(f.Fd()))
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// misuse is an error in how the program was called.
type misuse struct{ error }

// Unwrap gives the error itself.
func (m misuse) Unwrap() error { return m.error }

func usage(format string, args ...any) error { return misuse{fmt.Errorf(format, args...)} }

func (p *program) run(ctx context.Context, args []string) int {
	root := p.root()
	root.SetArgs(args)
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return p.outcome
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errors.New("interrupted; runs go on without it")
	}
	p.complain(err)
	_, wrong := errors.AsType[misuse](err)
	_, input := errors.AsType[*offboard.InvalidInput](err)
	if wrong || input || !p.begun {
		return misused
	}
	return failed
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "starter",
		Short: "Offboard people from an IBM Cloud account without breaking its clusters",
		Long: `Starter starts offboardings, shows how they stand, and answers what they ask of people.

A RUN is named by its workflow ID, or by the e-mail address or the IAM ID of the person it is about, in any case.

Temporal is found by the standard TEMPORAL_* variables and profiles, the account by IBMCLOUD_ACCOUNT_ID, the Web UI by
OFFBOARD_UI_URL. Exit codes: 0 done, 1 failed, 2 called wrongly, 3 incomplete or waiting for a person.

The shell completes verbs, flags, their values and the names of open runs: see starter completion --help.`,
		Example: `  starter check                                                  # can an offboarding work from here?
  starter run --user leaver@acme.example --mode plan --wait      # what would be done? changes nothing
  starter run --user leaver@acme.example --ticket HR-1234        # asks for a yes to the plan
  starter list --needs-person
  starter explain 'A03e9b Failed to create an API key with IAM'  # what does that mean?`,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if allowed := formatsOf(cmd); !slices.Contains(allowed, p.format) {
				return usage("--output is %q: it must be %s", p.format, oneOf(allowed))
			}
			p.begun = true
			return nil
		},
	}
	root.PersistentFlags().StringVarP(&p.format, "output", "o", "text", "how to print: text or json")
	root.AddCommand(p.runCommand(), p.handoverCommand(), p.pruneCommand(), p.auditCommand(), p.listCommand(), p.statusCommand(), p.watchCommand(), p.approveCommand(),
		p.rejectCommand(), p.rescheduleCommand(), p.reinstateCommand(), p.resolveCommand(), p.reportCommand(), p.explainCommand(),
		p.rehearseCommand(), p.setupCommand(), p.checkCommand(), p.replayCommand(), p.serveCommand(), p.codecCommand(), p.versionCommand())
	choices(root, "output", "text", "json")
	return root
}
