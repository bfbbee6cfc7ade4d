// Package rehearsal makes a simulated account of a real one: it looks at the account through ports that can only read,
// translates what it saw into an account of internal/ibmsim, keeps that on a stage with the faults that were asked for,
// and works out how long the real thing would take.
//
// It knows the domain (internal/offboard) and the simulator. It must not know Temporal, IBM's SDKs or in which order an
// offboarding does things: whoever runs one on the stage says which phase has begun and hands over the report.
package rehearsal

import (
	"context"

	"offboard/internal/offboard"
)

// Ports are all that a rehearsal has of the real account. Each is the reading part of the engine's port of that name, see
// package activities for the contracts; a method that changes something cannot be called through them.
type Ports struct {
	Users      Users
	Keys       Keys
	Access     Access
	Clusters   Clusters
	Successors Successors
	Workloads  Workloads
}

// Users reads the account's membership.
type Users interface {
	WhoAmI(ctx context.Context) (offboard.Identity, error)
	Account(ctx context.Context) (offboard.Account, error)
	People(ctx context.Context) ([]offboard.Person, error)
}

// Keys reads the account's user API keys.
type Keys interface {
	UserKeys(ctx context.Context) ([]offboard.Key, error)
	Key(ctx context.Context, id string) (offboard.Key, error)
	Room(ctx context.Context, iamIDs []string) (limit int, held map[string]int, err error)
}

// Access reads who may do what.
type Access interface {
	TrustedProfiles(ctx context.Context, iamID string) ([]string, error)
	// Rights lists what policies give an identity. Without a role on access management the list is short, and no error
	// says so (trap 17).
	Rights(ctx context.Context, iamID string) ([]Right, error)
}

// Right is what one policy gives.
type Right struct {
	Roles     []string          // role CRNs
	Resources map[string]string // attributes of what it covers, by name; nil where its text alone does not tell
}

// Clusters reads the containers API.
type Clusters interface {
	ResourceGroups(ctx context.Context) ([]offboard.ResourceGroup, error)
	Clusters(ctx context.Context) ([]offboard.Cluster, error)
	Indexed(ctx context.Context) ([]offboard.ClusterRef, error)
	KeyOwner(ctx context.Context, clusterID string, scope offboard.Scope) (offboard.Owner, error)
	ClassicUser(ctx context.Context, scope offboard.Scope) (string, error)
}

// Successors tells of the functional IDs whether their keys work.
type Successors interface {
	Emails() []string
	Prove(ctx context.Context, email string) (offboard.Identity, error)
}

// Workloads looks into clusters.
type Workloads interface {
	Inspect(ctx context.Context, clusterID string, rules []offboard.DependentRule, leaver string) (offboard.Inspection, error)
}
