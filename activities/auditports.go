package activities

import (
	"context"
	"time"

	"offboard/internal/offboard"
)

// AuditPorts are what an audit works through: of the account and of clusters it holds methods that read and no others, so
// that an audit can change nothing, whatever it is told.
type AuditPorts struct {
	Users      AuditUsers
	Keys       AuditKeys
	Identities AuditIdentities
	Clusters   AuditClusters
	Workloads  AuditWorkloads
	History    AuditHistory
	Shelf      AuditShelf
	Account    string // its ID
	// FunctionalIDs are the e-mail addresses of the configured functional IDs.
	FunctionalIDs []string
	Policy        offboard.Policy
	Now           func() time.Time // nil means time.Now
}

// AuditUsers is the part of Users that reads. Users.Account is not in it: it reads a page of a list that is read anyway.
type AuditUsers interface {
	WhoAmI(ctx context.Context) (offboard.Identity, error)
	// AccountOwner is the account owner's IAM ID, empty where it cannot be read.
	AccountOwner(ctx context.Context) (string, error)
	People(ctx context.Context) ([]offboard.Person, error)
}

// AuditKeys is the part of Keys that reads.
type AuditKeys interface {
	UserKeys(ctx context.Context) ([]offboard.Key, error)
	Key(ctx context.Context, id string) (offboard.Key, error)
	Room(ctx context.Context, iamIDs []string) (limit int, held map[string]int, err error)
}

// AuditIdentities lists what speaks of users besides their keys.
type AuditIdentities interface {
	// RightsOf lists what policies give each of the identities, its own and those of its access groups. It reads the
	// account's list of policies once and asks for each identity's groups. Without a role on access management lists are
	// short and no error says so (trap 17): seen counts all policies that were shown.
	RightsOf(ctx context.Context, iamIDs []string) (rights map[string][]offboard.Right, seen int, err error)
	// Profiles lists the account's trusted profiles with the users they name.
	Profiles(ctx context.Context) ([]offboard.TrustedProfile, error)
	// ServiceIDs lists the account's service IDs with their creators, as far as their history tells.
	ServiceIDs(ctx context.Context) ([]offboard.ServiceID, error)
}

// AuditClusters is the part of Clusters that reads.
type AuditClusters interface {
	ResourceGroups(ctx context.Context) ([]offboard.ResourceGroup, error)
	Clusters(ctx context.Context) ([]offboard.Cluster, error)
	Indexed(ctx context.Context) ([]offboard.ClusterRef, error)
	KeyOwner(ctx context.Context, clusterID string, scope offboard.Scope) (offboard.Owner, error)
	Cluster(ctx context.Context, clusterID string) (offboard.Cluster, offboard.Master, error)
	Addons(ctx context.Context, clusterID string) ([]offboard.Addon, error)
	ClassicUser(ctx context.Context, scope offboard.Scope) (string, error)
}

// AuditWorkloads is what reads in the clusters.
type AuditWorkloads interface {
	Inspect(ctx context.Context, clusterID string, rules []offboard.DependentRule, leaver string) (offboard.Inspection, error)
	// Since tells when the oldest pod of the dependents was started; zero if they have none. NotFound if one of them is
	// gone.
	Since(ctx context.Context, clusterID string, dependents []offboard.Dependent) (time.Time, error)
}

// AuditHistory finds earlier audits.
type AuditHistory interface {
	// PreviousAudit is the newest audit of the account that ended with a result and is not the given run; false if there is
	// none.
	PreviousAudit(ctx context.Context, account, notRun string) (offboard.AuditDigest, bool, error)
}

// AuditShelf keeps finished audits where reports are kept: it writes files of ours and nothing in the account.
type AuditShelf interface {
	// KeepAudit stores an audit under a name and returns where it is; empty where no place is configured.
	KeepAudit(ctx context.Context, name string, audit offboard.Audit) (place string, err error)
}
