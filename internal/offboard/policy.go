package offboard

import (
	"path"
	"strings"
)

// Policy is what the operators of the engine decided, for every offboarding alike. It is recorded in each run's history
// when the run is admitted, so a changed policy does not disturb runs under way.
type Policy struct {
	// Protected people are never offboarded: e-mail addresses or IAM IDs, `*` matches any run of characters.
	Protected []string `json:"protected,omitempty"`
	// MinimumSoak is the shortest soak that may be asked for; the life of an access token is a lower bound besides.
	MinimumSoak Duration `json:"minimumSoak"`
	// RecentUse: a personal key used within this window before the survey needs a decision.
	RecentUse Duration `json:"recentUse"`
	// ApprovalReminder is how often a waiting approval shows a reminder, ApprovalDeadline when the wait ends as Rejected.
	ApprovalReminder Duration `json:"approvalReminder"`
	ApprovalDeadline Duration `json:"approvalDeadline"`
	// PlanFreshness: an approved plan that is older than this is surveyed again before anything is changed.
	PlanFreshness Duration `json:"planFreshness"`
	// AcceptanceDeadline is how long a functional ID may take to accept its invitation; IBM drops it after 30 days.
	AcceptanceDeadline Duration `json:"acceptanceDeadline"`
	// Replication is how long a new key may stay hidden from IAM's lists (IBM's own module waits 10 s and then tries ten times).
	Replication Duration `json:"replication"`
	// SecretPatience is how long after a master refresh a cluster's secret may still be renewed. Where nothing says that it
	// must be, because no key was made, it is waited for so long and no longer.
	SecretPatience Duration `json:"secretPatience"`
	// GrantPatience is how long a refusal right after a grant counts as not yet effective (trap 29).
	GrantPatience Duration `json:"grantPatience"`
	// SoakProbe is how often the soak looks at the clusters.
	SoakProbe Duration `json:"soakProbe"`
	// HoldDeadline is how long a hold waits for an answer before it counts as skipped.
	HoldDeadline Duration `json:"holdDeadline"`
	// StepBudget is how long one step of a hand-over is retried before it holds. Zero means the engine's defaults, step
	// by step.
	StepBudget Duration `json:"stepBudget,omitempty"`
	// ParallelScopes is how many scopes are handed over at the same time.
	ParallelScopes int `json:"parallelScopes"`
	// Fallback is the e-mail address of a configured functional ID that takes the scopes back when a run turns round after
	// their reset. Empty: they stay with their new owner, who keeps the access that they need.
	Fallback string `json:"fallback,omitempty"`
	// CleanBindings removes the leaver's subject from custom role bindings; otherwise they are reported (trap 55).
	CleanBindings bool `json:"cleanBindings,omitempty"`
	// ApproverKeys are the public keys of doors that authenticate approvers: an approval with a proof made with one of them
	// counts as verified. VerifiedApproval demands that of every approval.
	ApproverKeys     []string `json:"approverKeys,omitempty"`
	VerifiedApproval bool     `json:"verifiedApproval,omitempty"`
	// AllowUnapproved permits `approval: none`.
	AllowUnapproved bool `json:"allowUnapproved,omitempty"`
	// Dependents are the workloads to restart besides the built-in ones.
	Dependents []DependentRule `json:"dependents,omitempty"`
}

// DefaultPolicy is what holds where the configuration says nothing.
func DefaultPolicy() Policy {
	const day = 24 * hour
	return Policy{
		MinimumSoak:        hour, // the longest life an issued token can have (facts, section 0.6)
		RecentUse:          30 * day,
		ApprovalReminder:   day,
		ApprovalDeadline:   14 * day,
		PlanFreshness:      15 * minute,
		AcceptanceDeadline: 30 * day,    // IBM's own limit for an invitation (facts, section 3.4)
		Replication:        minute,      // longer than one request may take, so that a reset under way is over too
		SecretPatience:     2 * minute,  // nothing is published; inferred from a kubelet's usual delay (trap 51)
		GrantPatience:      20 * minute, // the longest propagation reported (facts, section 4.4)
		SoakProbe:          5 * minute,
		HoldDeadline:       14 * day,
		ParallelScopes:     100,
	}
}

const (
	second Duration = 1e9
	minute          = 60 * second
	hour            = 60 * minute
)

// Protects tells whether the policy forbids to offboard this person, and by which entry.
func (p Policy) Protects(who Person) (entry string, yes bool) {
	for _, pattern := range p.Protected {
		for _, name := range []string{who.Email, who.IAMID} {
			if name == "" {
				continue
			}
			if ok, _ := path.Match(strings.ToLower(pattern), strings.ToLower(name)); ok {
				return pattern, true
			}
		}
	}
	return "", false
}

// DependentRule names one kind of workload that reads the cluster key when it starts.
type DependentRule struct {
	Name      string `json:"name"`
	Addon     string `json:"addon,omitempty"` // the managed add-on it belongs to, if any
	Namespace string `json:"namespace"`
	// PodPrefix finds the pods; the workload to restart is their owner, whatever its kind (trap 43). Pods of a DaemonSet
	// are never touched, even where their names or labels match (trap 44).
	PodPrefix string `json:"podPrefix"`
	Breaks    string `json:"breaks"` // what stops when its key is dead
	// StorageOnly rules need no restart in clusters whose storage runs on a trusted profile (trap 48).
	StorageOnly bool `json:"storageOnly,omitempty"`
}

// BuiltinDependents are the workloads known to keep the key they started with. Sources: IBM's pages on block storage
// and autoscaler key resets; the file driver by its shared side-car (inferred).
func BuiltinDependents() []DependentRule {
	return []DependentRule{
		{Name: "block storage", Addon: "vpc-block-csi-driver", Namespace: "kube-system", PodPrefix: "ibm-vpc-block-csi-controller",
			Breaks: "block volumes cannot be created, attached or resized", StorageOnly: true},
		{Name: "file storage", Addon: "vpc-file-csi-driver", Namespace: "kube-system", PodPrefix: "ibm-vpc-file-csi-controller",
			Breaks: "file shares cannot be created or mounted", StorageOnly: true},
		{Name: "autoscaler", Addon: "cluster-autoscaler", Namespace: "kube-system", PodPrefix: "ibm-iks-cluster-autoscaler",
			Breaks: "worker nodes are not added or removed"},
	}
}

// Rules are the built-in dependents and the policy's own.
func (p Policy) Rules() []DependentRule { return append(BuiltinDependents(), p.Dependents...) }
