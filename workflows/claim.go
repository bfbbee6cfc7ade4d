package workflows

import (
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"offboard/activities"
)

// claimWorkflow holds a person for its parent. Its workflow ID is made of the person, so the server itself lets only
// one be open at a time, whatever the parents' IDs are; it ends with its parent, however that ends.
func claimWorkflow(ctx workflow.Context) error {
	workflow.SetCurrentDetails(ctx, "Holds this person for its parent run, so that no second run acts on them.")
	ctx.Done().Receive(ctx, nil)
	return nil
}

// claim takes the person for this run. The error is of type AlreadyRunning and names the run that has them.
func (r *run) claim(ctx workflow.Context) error {
	who := r.state.Leaver.Email
	return r.claimAs(ctx, claimID(r.state.Account, r.state.Leaver.IAMID), "Holds the person for one run", who+" is being offboarded already", who+" is held")
}

// claimAs takes what the ID stands for. Taken says that another run has it, held that nobody knows which.
func (r *run) claimAs(ctx workflow.Context, id, summary, taken, held string) error {
	// Held until the report is made, whatever cancels the work before: an undo must not meet a second run.
	base, _ := workflow.NewDisconnectedContext(ctx)
	claimed, release := workflow.WithCancel(base)
	claimed = workflow.WithChildOptions(claimed, workflow.ChildWorkflowOptions{
		WorkflowID:        id,
		StaticSummary:     summary,
		ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_TERMINATE,
	})
	// A run that has just ended, or was reset, may still be letting go.
	const tries = 5
	for try := 1; ; try++ {
		child := workflow.ExecuteChildWorkflow(claimed, Claim)
		err := child.GetChildWorkflowExecution().Get(ctx, nil)
		if err == nil {
			r.release = func(ctx workflow.Context) {
				release()
				_ = child.Get(ctx, nil) // it has nothing to say
			}
			return nil
		}
		if _, taken := errors.AsType[*temporal.ChildWorkflowExecutionAlreadyStartedError](err); !taken {
			return err
		}
		holder, err := do(ctx, reading, "Find the run that holds the person", verbs.FindHolder, activities.FindHolderInput{Claim: id})
		if err != nil {
			return err
		}
		if holder.WorkflowID != "" && holder.WorkflowID != r.state.WorkflowID {
			return temporal.NewNonRetryableApplicationError(
				fmt.Sprintf("%s, by run %q: nothing was changed; see that run instead", taken, holder.WorkflowID), AlreadyRunning, nil)
		}
		if try == tries {
			return temporal.NewNonRetryableApplicationError(
				fmt.Sprintf("%s by a run that does not let go (claim %q): nothing was changed; end that workflow and start again", held, id), AlreadyRunning, nil)
		}
		if err := workflow.Sleep(ctx, time.Second); err != nil {
			return err
		}
	}
}
