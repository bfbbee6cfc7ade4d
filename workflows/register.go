package workflows

import (
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Register registers every workflow under its public name.
func Register(r worker.WorkflowRegistry) {
	r.RegisterWorkflowWithOptions(offboardWorkflow, workflow.RegisterOptions{Name: Offboard, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade})
	r.RegisterWorkflowWithOptions(moveWorkflow, workflow.RegisterOptions{Name: Move, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade})
	r.RegisterWorkflowWithOptions(pruneWorkflow, workflow.RegisterOptions{Name: Prune, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade})
	r.RegisterWorkflowWithOptions(auditWorkflow, workflow.RegisterOptions{Name: Audit, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade})
	r.RegisterWorkflowWithOptions(handOverWorkflow, workflow.RegisterOptions{Name: HandOver, VersioningBehavior: workflow.VersioningBehaviorPinned})
	r.RegisterWorkflowWithOptions(soakWorkflow, workflow.RegisterOptions{Name: Soak, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade})
	r.RegisterWorkflowWithOptions(claimWorkflow, workflow.RegisterOptions{Name: Claim, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade})
}
