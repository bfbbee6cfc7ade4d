package activities

import (
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"offboard/internal/offboard"
)

// Ports are what the activities work through.
type Ports struct {
	Users      Users
	Keys       Keys
	Access     Access
	Clusters   Clusters
	Successors Successors
	Workloads  Workloads
	Runs       Runs
	Shelf      Shelf
	Notifier   Notifier // nil where no channel is configured
	Policy     offboard.Policy
	Now        func() time.Time // nil means time.Now
}

// Activities are the verbs. Workflows name them by the method values of a nil pointer.
type Activities struct {
	users      Users
	keys       Keys
	access     Access
	clusters   Clusters
	successors Successors
	workloads  Workloads
	runs       Runs
	shelf      Shelf
	notifier   Notifier
	policy     offboard.Policy
	now        func() time.Time
}

// New makes the activities over their ports.
func New(p Ports) *Activities {
	now := p.Now
	if now == nil {
		now = time.Now
	}
	return &Activities{
		users: p.Users, keys: p.Keys, access: p.Access, clusters: p.Clusters, successors: p.Successors,
		workloads: p.Workloads, runs: p.Runs, shelf: p.Shelf, notifier: p.Notifier, policy: p.Policy, now: now,
	}
}

// Register registers every activity under its method's name.
func Register(r worker.ActivityRegistry, a *Activities) {
	register := func(name string, f any) { r.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name}) }
	register("Admit", a.Admit)
	register("FindHolder", a.FindHolder)

	register("SurveyKeys", a.SurveyKeys)
	register("SurveyClusters", a.SurveyClusters)
	register("SurveyOwners", a.SurveyOwners)
	register("SurveyFunctionalIDs", a.SurveyFunctionalIDs)
	register("SurveyProfiles", a.SurveyProfiles)
	register("Inspect", a.Inspect)
	register("SurveyClusterKeys", a.SurveyClusterKeys)
	register("LookInto", a.LookInto)

	register("Invite", a.Invite)
	register("AwaitMember", a.AwaitMember)
	register("EnsureGroup", a.EnsureGroup)
	register("LeaveGroup", a.LeaveGroup)
	register("Grant", a.Grant)
	register("AddMember", a.AddMember)
	register("Prove", a.Prove)
	register("AwaitGrants", a.AwaitGrants)
	register("RemoveMember", a.RemoveMember)
	register("Revoke", a.Revoke)
	register("DeleteGroup", a.DeleteGroup)
	register("Uninvite", a.Uninvite)

	register("Remember", a.Remember)
	register("Reset", a.Reset)
	register("ConfirmKey", a.ConfirmKey)
	register("ConfirmOwners", a.ConfirmOwners)
	register("RefreshMaster", a.RefreshMaster)
	register("ConfirmMaster", a.ConfirmMaster)
	register("ConfirmSecret", a.ConfirmSecret)
	register("SnapshotPods", a.SnapshotPods)
	register("Restart", a.Restart)
	register("ConfirmRestart", a.ConfirmRestart)
	register("ConfirmHealth", a.ConfirmHealth)

	register("UnlockKey", a.UnlockKey)
	register("LockKey", a.LockKey)
	register("DisableKey", a.DisableKey)
	register("EnableKey", a.EnableKey)
	register("DeleteKey", a.DeleteKey)
	register("Probe", a.Probe)

	register("RemoveUser", a.RemoveUser)
	register("ConfirmRemoved", a.ConfirmRemoved)
	register("SyncAccess", a.SyncAccess)
	register("ConfirmAccess", a.ConfirmAccess)
	register("RemoveSubject", a.RemoveSubject)
	register("KeepReport", a.KeepReport)
	register("Notify", a.Notify)
}

// Done is the result of a verb that has nothing to tell but the receipt of its change.
type Done struct{ offboard.Receipt }
