package workflows

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"offboard/activities"
	"offboard/internal/offboard"
)

// run is one offboarding. Everything a person or a report needs to know of it is in its state.
type run struct {
	state   offboard.Progress
	policy  offboard.Policy
	adm     offboard.Admission
	stop    *stopOrder                 // why the run turns round, once somebody or something says so
	pivot   bool                       // the first deletion was begun: forward only
	answers map[string]Resolve         // to holds of this run, by subject
	unsure  map[string]bool            // what a step without an answer may have made
	told    map[string]bool            // IDs of keys and clusters outside the plan that a person was told of
	notices int                        // how many people were or are being told of
	sending int                        // of them, how many are under way
	looked  bool                       // the clusters were looked at before the first superseded key was disabled
	known   []string                   // the troubles they had then
	undo    []undoStep                 // what to undo, the latest last
	release func(ctx workflow.Context) // lets the person go
	cancel  workflow.CancelFunc        // of the work that may be stopped
}

// stopOrder says how a run that turns round ends.
type stopOrder struct {
	status  offboard.Status
	message string
}

// errStopped is returned by phases that found a stopOrder.
var errStopped = errors.New("the run turns round")

// offboardWorkflow removes one person from the account without breaking the clusters that run on their keys. Its input
// is one JSON object, see offboard.Request; a second argument is refused, which is the only reason for the parameter.
// Its result is an offboard.Report, whatever happens to the person; it fails for wrong input and for a person who is
// being offboarded already, before anything was changed.
func offboardWorkflow(ctx workflow.Context, input, second converter.RawValue) (offboard.Report, error) {
	r := newRun()
	err := r.setup(ctx, input, second, func(data []byte) (err error) {
		r.state.Request, err = offboard.DecodeRequest(data, workflow.Now(ctx))
		return err
	})
	if err != nil {
		return offboard.Report{}, err
	}
	return r.run(hurried(ctx, r.state.Request.Urgent))
}

func newRun() *run {
	return &run{answers: map[string]Resolve{}, told: map[string]bool{}, unsure: map[string]bool{}, release: func(workflow.Context) {}}
}

// setup registers every handler before the first wait, and decodes the input.
func (r *run) setup(ctx workflow.Context, input, second converter.RawValue, decode func(data []byte) error) error {
	info := workflow.GetInfo(ctx)
	r.state = offboard.Progress{WorkflowID: info.WorkflowExecution.ID, RunID: info.OriginalRunID, Namespace: info.Namespace, Status: offboard.Running}
	r.state.Enter(offboard.PhaseAdmit, workflow.Now(ctx))
	if err := r.handle(ctx); err != nil {
		return err
	}
	data, err := single(input, second)
	if err == nil {
		err = decode(data)
	}
	if err != nil {
		workflow.SetCurrentDetails(ctx, "## The input is wrong\n\n"+err.Error())
		return temporal.NewNonRetryableApplicationError(err.Error(), InvalidInput, nil)
	}
	return nil
}

// single is the one argument as it came. It is decoded by rules of its own, because Temporal's would drop unknown fields
// and a second argument.
func single(input, second converter.RawValue) ([]byte, error) {
	if second.Payload() != nil {
		return nil, &offboard.InvalidInput{Problems: []string{"there is a second argument: give exactly one JSON object"}}
	}
	if p := input.Payload(); p != nil {
		if encoding := string(p.GetMetadata()[converter.MetadataEncoding]); encoding != converter.MetadataEncodingJSON && encoding != converter.MetadataEncodingNil {
			return nil, &offboard.InvalidInput{Problems: []string{fmt.Sprintf("the input is encoded as %q: it must be json/plain", encoding)}}
		}
	}
	return input.Payload().GetData(), nil
}

// run is the story of an offboarding: one line a phase.
func (r *run) run(ctx workflow.Context) (offboard.Report, error) {
	work, cancel := workflow.WithCancel(ctx)
	r.cancel = cancel
	err := r.phases(work,
		r.admit,
		r.waitForLastDay,
		r.agree,
		r.prepare,
		r.handOver,
		r.disable,
		r.soak,
	)
	// From here on nothing stops the run any more: after the first deletion there is only forward.
	forward, _ := workflow.NewDisconnectedContext(ctx)
	if err == nil && r.state.Status == offboard.Running {
		err = r.phases(forward, r.delete, r.remove, r.clean)
	}
	return r.conclude(ctx, err)
}

// conclude ends the run with a report, whatever became of it, after what is to be undone was undone. Only what was refused
// before it began is a failure.
func (r *run) conclude(ctx workflow.Context, err error) (offboard.Report, error) {
	forward, _ := workflow.NewDisconnectedContext(ctx)
	if fatal, ok := errors.AsType[*temporal.ApplicationError](err); ok && (fatal.Type() == InvalidInput || fatal.Type() == AlreadyRunning) {
		workflow.SetCurrentDetails(ctx, "## Not started\n\n"+fatal.Message())
		r.sayRefusal(forward, fatal)
		return offboard.Report{}, err
	}
	if err != nil {
		r.turnRound(forward, err)
	}
	return r.report(forward)
}

func (r *run) phases(ctx workflow.Context, list ...func(workflow.Context) error) error {
	for _, phase := range list {
		if r.state.Status != offboard.Running {
			return nil // a phase came to an end that needs no others
		}
		if r.stop != nil && !r.pivot {
			return errStopped
		}
		if err := phase(ctx); err != nil {
			return err
		}
	}
	return nil
}

// end gives the run its final status.
func (r *run) end(status offboard.Status, format string, args ...any) {
	r.state.Status, r.state.Message, r.state.Waiting = status, fmt.Sprintf(format, args...), ""
}

// admit checks the request against the account and takes the person for this run.
func (r *run) admit(ctx workflow.Context) error {
	user := r.state.Request.User
	adm, err := do(ctx, reading, "Look up "+user+" and the account", verbs.Admit, activities.AdmitInput{User: user})
	if err != nil {
		return err
	}
	r.adm, r.policy = adm, adm.Policy
	r.state.Account, r.state.Engine = adm.Account.ID, cmp.Or(adm.Engine.Email, adm.Engine.IAMID)
	if problems := adm.Problems(r.state.Request); len(problems) > 0 {
		if adm.Gone() {
			problems = append(problems, goneSentence(user, adm))
		}
		return temporal.NewNonRetryableApplicationError((&offboard.InvalidInput{Problems: problems}).Error(), InvalidInput, nil)
	}
	if adm.Gone() {
		r.end(offboard.AlreadyGone, "%s Nothing was changed.", goneSentence(user, adm))
		return nil
	}
	r.state.Leaver = adm.People[0]
	r.show(ctx)
	return r.claim(ctx)
}

func goneSentence(user string, adm offboard.Admission) string {
	text := fmt.Sprintf("No user %q is in account %s (%d users are visible): they were removed already, or the name is mistyped.", user, adm.Account.ID, adm.Account.VisibleUsers)
	if len(adm.Similar) > 0 {
		text += " Similar names: " + strings.Join(adm.Similar, ", ") + "."
	}
	return text
}

// waitForLastDay waits until the last day has come; the date may be moved meanwhile.
func (r *run) waitForLastDay(ctx workflow.Context) error {
	if r.state.Request.Wait(workflow.Now(ctx)) == 0 {
		return nil
	}
	r.enter(ctx, offboard.PhaseWait)
	for {
		day := r.state.Request.LastDay
		r.waiting(ctx, "the last day, %s", day.Format(time.RFC3339))
		moved, err := waitFor(ctx, r.state.Request.Wait(workflow.Now(ctx)), "The last day", func() bool {
			return r.stop != nil || !r.state.Request.LastDay.Equal(day)
		})
		if err != nil {
			return err
		}
		if r.stop != nil {
			return errStopped
		}
		if !moved || r.state.Request.Wait(workflow.Now(ctx)) == 0 {
			break
		}
	}
	return r.readmit(ctx)
}

// readmit looks at the account again after a long wait: the person, the policy and the settings may have changed.
func (r *run) readmit(ctx workflow.Context) error {
	adm, err := do(ctx, reading, "Look up the person and the account again", verbs.Admit, activities.AdmitInput{User: r.state.Leaver.IAMID})
	if err != nil {
		return err
	}
	if adm.Gone() {
		r.end(offboard.AlreadyGone, "%s was removed from account %s by somebody else while this run waited. Nothing was changed.", r.state.Leaver.Email, r.state.Account)
		return nil
	}
	if problems := adm.Problems(r.state.Request); len(problems) > 0 {
		r.end(offboard.Rejected, "While the run waited, this came up: %s Nothing was changed.", strings.Join(problems, "; "))
		return nil
	}
	r.adm, r.policy = adm, adm.Policy
	return nil
}

// report makes the result, stores it, lets the person go and ends the run.
func (r *run) report(ctx workflow.Context) (offboard.Report, error) {
	status, message := r.state.Status, r.state.Message
	r.state.Status = offboard.Running // it still does something
	r.enter(ctx, offboard.PhaseReport)
	r.leaveGroups(ctx)
	r.state.Status, r.state.Message = status, message
	now := workflow.Now(ctx)
	r.state.Timings[len(r.state.Timings)-1].Ended = now
	report := offboard.NewReport(r.state, now)
	// A report that cannot be stored is still the result of the run.
	_, err := do(ctx, telling, "Store the report", verbs.KeepReport, activities.KeepReportInput{Name: fileName(r.state), Report: report})
	if err != nil {
		workflow.GetLogger(ctx).Warn("The report could not be stored", "Error", err)
	}
	r.sayEnd(ctx, report)
	r.release(ctx)
	r.state = report.Progress
	r.show(ctx)
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return report, err
	}
	return report, nil
}

func fileName(p offboard.Progress) string {
	id := p.WorkflowID[strings.LastIndex(p.WorkflowID, "/")+1:]
	return "offboard-" + id + "-" + p.RunID
}
