package offboard

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Admission is what must be known of the account before a request can be admitted. It is read, never guessed.
type Admission struct {
	Account Account  `json:"account"`
	Engine  Identity `json:"engine"` // whose key the engine works with
	// People are the users the name in the request stands for: none, one, or several with the same address.
	People []Person `json:"people,omitempty"`
	// Similar are addresses of users whose names are close to the one in the request, when nobody has it.
	Similar []string `json:"similar,omitempty"`
	// FunctionalIDs are the e-mail addresses of all configured functional IDs.
	FunctionalIDs []string `json:"functionalIds"`
	Policy        Policy   `json:"policy"`
	// Notifies: people are told outside of Temporal when the run needs them and when it ends.
	Notifies bool `json:"notifies,omitempty"`
}

// Gone tells whether nobody in a readable account has the name in the request.
func (a Admission) Gone() bool { return len(a.People) == 0 && a.Account.VisibleUsers > 1 }

// Problems checks a decoded request against the account and the policy and returns a sentence for everything that
// forbids to go on, each with its remedy. A person who is not in the account is no problem (see Gone).
func (a Admission) Problems(r Request) []string {
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }

	list = append(list, a.accountProblems(r)...)
	if len(a.People) > 1 {
		ids := make([]string, len(a.People))
		for i, p := range a.People {
			ids[i] = p.IAMID + " (" + p.Realm + ")"
		}
		add("%q stands for %d users: name one of them by IAM ID: %s", r.User, len(a.People), strings.Join(ids, ", "))
	}
	for _, p := range a.People {
		list = append(list, a.whoProblems(p)...)
	}
	list = append(list, a.functionalProblems(r)...)
	list = append(list, a.approvalProblems(r)...)
	list = append(list, a.shortSoak(r)...)
	return list
}

// accountProblems concern the account as a whole.
func (a Admission) accountProblems(r Request) []string {
	var list []string
	if r.Account != "" && r.Account != a.Account.ID {
		list = append(list, fmt.Sprintf("\"account\" is %q, but this engine works on account %q: start the run on the task queue of the engine for that account", r.Account, a.Account.ID))
	}
	if a.Account.VisibleUsers <= 1 {
		list = append(list, fmt.Sprintf("the engine's identity %s sees no user but itself, so it cannot tell who is in the account: give it the Administrator role on User Management, and check the account's user list visibility", a.Engine.Email))
	}
	return list
}

// shortSoak: a soak that ends before the last token does has proven nothing.
func (a Admission) shortSoak(r Request) []string {
	least := max(a.Account.TokenLife, a.Policy.MinimumSoak)
	if r.Mode != ModeExecute || r.Soak >= least {
		return nil
	}
	why := fmt.Sprintf("a token issued before a key is disabled lives for up to %s", a.Account.TokenLife)
	if a.Policy.MinimumSoak > a.Account.TokenLife {
		why = "the policy's minimum"
	}
	return []string{fmt.Sprintf("\"soak\" is %s: it must be at least %s (%s)", r.Soak, least, why)}
}

func (a Admission) approvalProblems(r Request) []string {
	if r.Approval == ApprovalNone && !a.Policy.AllowUnapproved {
		return []string{"\"approval\" is \"none\", which the policy forbids: leave it out, or set policy.allowUnapproved"}
	}
	return nil
}

func (a Admission) whoProblems(p Person) []string {
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if p.IAMID == a.Account.OwnerIAMID {
		add("%s owns the account and cannot be removed from it: transfer the ownership first, and hand over the clusters before that, because the transfer itself removes the old owner and their keys", p.Email)
	}
	if p.IAMID == a.Engine.IAMID {
		add("%s is the identity this engine works with: give the engine another identity first", p.Email)
	}
	for _, f := range a.FunctionalIDs {
		if strings.EqualFold(f, p.Email) {
			add("%s is a functional ID that clusters are handed over to: take it out of the configuration first", p.Email)
		}
	}
	if entry, yes := a.Policy.Protects(p); yes {
		add("%s is protected by the policy's entry %q: change the policy if this is meant", p.Email, entry)
	}
	return list
}

func (a Admission) functionalProblems(r Request) []string {
	var list []string
	if len(a.FunctionalIDs) == 0 {
		list = append(list, "no functional ID is configured: name at least one under functionalIds in the engine's configuration")
	}
	fallback := a.Policy.Fallback
	configured := func(email string) bool {
		return slices.ContainsFunc(a.FunctionalIDs, func(f string) bool { return strings.EqualFold(f, email) })
	}
	switch {
	case fallback == "":
	case !configured(fallback):
		list = append(list, fmt.Sprintf("the policy's fallback identity %s is not configured under functionalIds, so there is no key to act with", fallback))
	case len(a.FunctionalIDs) == 1:
		list = append(list, fmt.Sprintf("the only functional ID, %s, is the policy's fallback identity: configure one more to hand clusters over to", fallback))
	}
	for _, f := range r.FunctionalIDs {
		if fallback != "" && strings.EqualFold(f, fallback) {
			list = append(list, fmt.Sprintf("\"functionalIds\": %s is the policy's fallback identity and cannot take scopes over first", f))
		}
		known := false
		for _, have := range a.FunctionalIDs {
			known = known || strings.EqualFold(have, f)
		}
		if !known {
			list = append(list, fmt.Sprintf("\"functionalIds\": %s is not configured%s", f, didYouMean(f, a.FunctionalIDs)))
		}
	}
	return list
}

// Chosen are the functional IDs that may take scopes: those the request names, or all but the fallback identity.
func (a Admission) Chosen(r Request) []string {
	if len(r.FunctionalIDs) > 0 {
		return r.FunctionalIDs
	}
	return slices.DeleteFunc(slices.Clone(a.FunctionalIDs), func(f string) bool { return strings.EqualFold(f, a.Policy.Fallback) })
}

// SimilarTo picks the addresses that are close enough to be what was meant, at most three.
func SimilarTo(name string, addresses []string) []string {
	const near = 3
	var list []string
	for _, a := range addresses {
		if editDistance(strings.ToLower(name), strings.ToLower(a)) < near && len(list) < near {
			list = append(list, a)
		}
	}
	return list
}

// Wait is how long the last day lies ahead; zero when it is past or not given.
func (r Request) Wait(now time.Time) time.Duration {
	if r.LastDay.IsZero() || !r.LastDay.After(now) {
		return 0
	}
	return r.LastDay.Sub(now)
}
