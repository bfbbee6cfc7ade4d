package offboard

import "time"

// Survey is what was found before anything was changed. Reading it changes nothing.
type Survey struct {
	TakenAt       time.Time       `json:"takenAt"`
	Account       Account         `json:"account"`
	Leaver        Person          `json:"leaver"`
	Scopes        []ScopeSurvey   `json:"scopes,omitempty"` // those the leaver has to do with, sorted by ID
	Keys          []Key           `json:"keys,omitempty"`   // all keys of the leaver, sorted by creation
	FunctionalIDs []FunctionalID  `json:"functionalIds,omitempty"`
	Fallback      *FunctionalID   `json:"fallback,omitempty"` // the policy's fallback identity
	Clusters      int             `json:"clusters"`           // how many clusters the account has in all
	Missing       []Missing       `json:"missing,omitempty"`
	Profiles      []string        `json:"profiles,omitempty"` // trusted profiles that name the leaver
	Resources     []ResourceGroup `json:"resourceGroups,omitempty"`
}

// ScopeSurvey is one scope and what stands in it.
type ScopeSurvey struct {
	Scope    Scope           `json:"scope"`
	Clusters []ClusterSurvey `json:"clusters,omitempty"`
	// ClassicUser is whose manual classic credentials the scope uses; they take precedence over the key (trap 46).
	ClassicUser string `json:"classicUser,omitempty"`
}

// ClusterSurvey is one cluster and what in it depends on the key or names the leaver.
type ClusterSurvey struct {
	Cluster    Cluster    `json:"cluster"`
	Inspection Inspection `json:"inspection,omitzero"`
}

// Inspection is what the cluster's own API tells.
type Inspection struct {
	Dependents []Dependent `json:"dependents,omitempty"`
	Bindings   []Binding   `json:"bindings,omitempty"` // custom ones that name the leaver
	// TrustedProfile: the storage drivers use a trusted profile instead of the key (trap 48).
	TrustedProfile bool `json:"trustedProfile,omitempty"`
	// PullSecrets are image pull secrets with somebody's own API key; whose it is cannot be told.
	PullSecrets []string `json:"pullSecrets,omitempty"`
	// Unreachable says why the cluster's API could not be asked; empty when it was.
	Unreachable string `json:"unreachable,omitempty"`
}

// Empty tells whether nothing was found.
func (i Inspection) Empty() bool {
	return len(i.Dependents) == 0 && len(i.Bindings) == 0 && !i.TrustedProfile && len(i.PullSecrets) == 0 && i.Unreachable == ""
}

// FunctionalID is an identity that may take over scopes.
type FunctionalID struct {
	Email string `json:"email"`
	IAMID string `json:"iamId,omitempty"`
	State string `json:"state,omitempty"` // IBM's word; empty: not in the account
	Keys  int    `json:"keys"`            // how many API keys it holds
	Limit int    `json:"limit"`           // how many it may hold (trap 5)
}

// Free is how many more keys it may hold.
func (f FunctionalID) Free() int { return max(f.Limit-f.Keys, 0) }

// Missing is a part of the survey that could not be read.
type Missing struct {
	ID   string `json:"id"`   // stable for the same part
	What string `json:"what"` // the part and what not knowing it means
	Why  string `json:"why"`
}
