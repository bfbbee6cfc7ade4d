// Package activities does one verb at a time, once, through a port: each activity reads or changes one thing in the
// account or in a cluster, and is safe to run again after a crash or a lost reply.
//
// It knows the domain (internal/offboard) and Temporal's activity API. It must not know how IBM or Kubernetes say
// things, nor in which order the verbs are used.
package activities

import (
	"context"
	"time"

	"offboard/internal/offboard"
)

// Every port's errors are *offboard.Error. Unless a method says otherwise its codes are Denied, RateLimited,
// Unavailable, and Invalid for what only a defect of ours can cause. A method that deletes or removes returns nil for
// what is already gone. All methods are safe for concurrent use and stop when the context ends.

// Users is the account's membership, seen by the engine's own identity.
type Users interface {
	// WhoAmI tells whose key the engine works with, and in which account.
	WhoAmI(ctx context.Context) (offboard.Identity, error)
	// Account reads the settings that concern everybody.
	Account(ctx context.Context) (offboard.Account, error)
	// People reads every page of the user list: all users the engine can see (trap 16: maybe only itself).
	People(ctx context.Context) ([]offboard.Person, error)
	// Person reads one user's profile. NotFound if there is none.
	Person(ctx context.Context, iamID string) (offboard.Person, error)
	// Invite sends an invitation and tells the state after it. Inviting somebody who is already invited or a member
	// changes nothing. The IAM ID in the answer may be a placeholder (trap 56).
	Invite(ctx context.Context, email string) (offboard.Person, error)
	// Remove begins to remove a user; Person answers NotFound when it is done.
	Remove(ctx context.Context, iamID string) error
}

// Keys are the account's user API keys, seen by the engine's own identity. No method ever returns a secret.
type Keys interface {
	// UserKeys reads every page of the account's user keys (traps 8, 9), classified, without LastUsed.
	UserKeys(ctx context.Context) ([]offboard.Key, error)
	// Key reads one key with LastUsed. NotFound if there is none.
	Key(ctx context.Context, id string) (offboard.Key, error)
	// Room tells how many keys each identity holds and how many each may hold (trap 5).
	Room(ctx context.Context, iamIDs []string) (limit int, held map[string]int, err error)
	// Unlock, Lock, Disable and Enable do nothing to a key that already is so. NotFound if there is no such key.
	Unlock(ctx context.Context, id string) error
	Lock(ctx context.Context, id string) error
	Disable(ctx context.Context, id string) error
	Enable(ctx context.Context, id string) error
	// Delete removes a key for good; Locked if it is locked (trap 14).
	Delete(ctx context.Context, id string) error
}

// Access are groups and policies, seen by the engine's own identity.
type Access interface {
	// Three methods make what they do not find. Each calls making, unless that is nil, right before it sends the request
	// that makes it: whoever finds the thing after a lost reply can tell that nobody had it before.

	// EnsureGroup finds the access group of that name or makes it, and notes in it that the run uses it. Pending while
	// another run is taking the group's access away.
	EnsureGroup(ctx context.Context, name, description, run string, making func()) (id string, created bool, err error)
	// CloseGroup keeps every other run from beginning to use the group, so that its access can be taken away, and tells
	// whether another run uses it already: then it stays open. False for a group that is gone.
	CloseGroup(ctx context.Context, groupID, run string) (used bool, err error)
	// LeaveGroup takes back what the run noted in the group, and opens it where the run had closed it.
	LeaveGroup(ctx context.Context, groupID, run string) error
	// Grant finds a policy of the group that gives what is wanted or makes one. An existing one for the same resources
	// is adopted if it holds the roles, and extended by them otherwise (trap 26).
	Grant(ctx context.Context, groupID string, grant offboard.Grant, making func()) (policyID string, created bool, err error)
	// AddMember puts a user into the group and tells whether they were in it before.
	AddMember(ctx context.Context, groupID, iamID string, making func()) (added bool, err error)
	// RemoveMember, Revoke and DeleteGroup undo the above.
	RemoveMember(ctx context.Context, groupID, iamID string) error
	Revoke(ctx context.Context, policyID string) error
	DeleteGroup(ctx context.Context, groupID string) error
	// TrustedProfiles names the profiles that list the user as an identity.
	TrustedProfiles(ctx context.Context, iamID string) ([]string, error)
}

// Clusters is the containers API, seen by the engine's own identity. It cannot reset a key: see Successors.
type Clusters interface {
	// ResourceGroups lists the account's resource groups.
	ResourceGroups(ctx context.Context) ([]offboard.ResourceGroup, error)
	// Clusters lists the clusters of every provider, region and resource group the engine can see, sorted by ID. An
	// error of the Satellite list alone is swallowed only where the account has no Satellite (trap 41).
	Clusters(ctx context.Context) ([]offboard.Cluster, error)
	// Indexed lists the clusters global search knows; the index lags by minutes, so it is a cross-check (trap 40).
	Indexed(ctx context.Context) ([]offboard.ClusterRef, error)
	// KeyOwner tells who owns the key that a cluster depends on.
	KeyOwner(ctx context.Context, clusterID string, scope offboard.Scope) (offboard.Owner, error)
	// Cluster reads one cluster's state. NotFound if it is gone.
	Cluster(ctx context.Context, clusterID string) (offboard.Cluster, offboard.Master, error)
	// Addons lists a cluster's managed add-ons.
	Addons(ctx context.Context, clusterID string) ([]offboard.Addon, error)
	// ClassicUser is whose manual classic credentials a scope uses, empty if none are set (trap 46).
	ClassicUser(ctx context.Context, scope offboard.Scope) (string, error)
	// RefreshMaster begins to refresh a control plane. Conflict while another operation runs on it.
	RefreshMaster(ctx context.Context, clusterID string, scope offboard.Scope) error
	// SyncAccess asks for a cluster's access list to be synchronised with IAM; Synced tells whether it is done.
	SyncAccess(ctx context.Context, clusterID string) error
	Synced(ctx context.Context, clusterID string) (bool, error)
}

// Successors act as a functional ID, with its own key. Nothing else in the engine can.
type Successors interface {
	// Emails are the configured functional IDs.
	Emails() []string
	// Prove tells whose key is configured for a functional ID. Denied if IAM refuses the key.
	Prove(ctx context.Context, email string) (offboard.Identity, error)
	// Sees lists the clusters of a scope the functional ID may work with.
	Sees(ctx context.Context, email string, scope offboard.Scope) ([]string, error)
	// Keys lists the functional ID's own keys, asked for by itself: a few, on one page, where the account's list may have
	// hundreds of pages. Classified, without LastUsed.
	Keys(ctx context.Context, email string) ([]offboard.Key, error)
	// Reset makes a new cluster key for the scope that belongs to the functional ID. It is NOT idempotent (trap 3). The
	// scope's region and resource group are always sent (trap 1). KeyLimit if the identity is full (trap 6). An error
	// with Ambiguous set may have made a key.
	Reset(ctx context.Context, email string, scope offboard.Scope) error
}

// Workloads is the Kubernetes API of the clusters. Unreachable where a cluster's API does not answer from here.
type Workloads interface {
	// Inspect reads what in a cluster depends on the key and which custom bindings name the leaver. A cluster that does not
	// answer is no error here: Inspection.Unreachable says why.
	Inspect(ctx context.Context, clusterID string, rules []offboard.DependentRule, leaver string) (offboard.Inspection, error)
	// SecretVersion is the version of the secret that the drivers read; empty where there is none.
	SecretVersion(ctx context.Context, clusterID string) (string, error)
	// Since tells when the oldest pod of the dependents was started; zero if they have none. NotFound if one of them is
	// gone.
	Since(ctx context.Context, clusterID string, dependents []offboard.Dependent) (time.Time, error)
	// Pods lists the UIDs of a dependent's pods. NotFound if the workload is gone.
	Pods(ctx context.Context, clusterID string, d offboard.Dependent) ([]string, error)
	// Restart begins to replace every pod of a dependent by a rollout. The same mark twice restarts once.
	Restart(ctx context.Context, clusterID string, d offboard.Dependent, mark string) error
	// Replace deletes those of the old pods that are still there, for where a rollout does not stick. It never leaves
	// a dependent with more than one pod without a ready one.
	Replace(ctx context.Context, clusterID string, d offboard.Dependent, old []string) error
	// Rollout tells how far the replacement of the old pods is. NotFound if the workload is gone.
	Rollout(ctx context.Context, clusterID string, d offboard.Dependent, old []string, mark string) (offboard.Rollout, error)
	// RemoveSubject takes the leaver out of a custom binding, and deletes the binding if nobody is left in it.
	RemoveSubject(ctx context.Context, clusterID string, b offboard.Binding) error
}

// Runs finds other runs of the engine.
type Runs interface {
	// Holder names the run that holds a claim, empty if it is free again.
	Holder(ctx context.Context, claim string) (workflowID string, err error)
}

// Notifier tells people outside of Temporal, over every channel that is configured for the occasion.
type Notifier interface {
	// Notify delivers a notice. The error names the channels that did not take it; calling it again with the same notice
	// spares those that did as far as this process remembers, and receivers know repeats by the notice's ID.
	Notify(ctx context.Context, notice offboard.Notice) error
}

// Shelf keeps finished reports.
type Shelf interface {
	// Keep stores a report under a name and returns where it is; empty where no place is configured. Keeping the same
	// name again replaces it.
	Keep(ctx context.Context, name string, report offboard.Report) (place string, err error)
}
