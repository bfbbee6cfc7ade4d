package offboard

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// findings reads a survey and a plan for what people should know. The order is stable.
func findings(s Survey, plan Plan, p Policy) []Finding {
	list := missingFindings(s.Missing)
	list = append(list, functionalFindings(s, plan)...)
	list = append(list, fallbackFindings(s, plan)...)
	for _, scope := range s.Scopes {
		list = append(list, scopeFindings(scope, s, plan)...)
	}
	for _, k := range s.Keys {
		if f, ok := keyFinding(k, s, p); ok {
			list = append(list, f)
		}
	}
	for _, b := range plan.Bindings {
		remedy := "Remove the subject by hand, or set policy.cleanBindings."
		if p.CleanBindings {
			remedy = "The engine removes the subject at the end."
		}
		list = append(list, Finding{ID: "binding/" + b.Cluster.ID + "/" + b.Binding.String(), Severity: Note,
			Text:   fmt.Sprintf("%s in cluster %s gives %s to the leaver by name; IBM does not clean it up.", b.Binding, b.Cluster.Name, b.Binding.Role),
			Remedy: remedy})
	}
	for _, profile := range s.Profiles {
		list = append(list, Finding{ID: "profile/" + profile, Severity: Note,
			Text:   fmt.Sprintf("Trusted profile %s names the leaver; the entry stays behind when the user is removed.", profile),
			Remedy: "Remove the identity from the profile."})
	}
	return list
}

func missingFindings(missing []Missing) []Finding {
	var list []Finding
	for _, m := range missing {
		list = append(list, Finding{ID: "missing/" + m.ID, Severity: Decision,
			Text: m.What + " (" + m.Why + ").", Remedy: "Give the engine's identity the right to read it and start again, or accept not to know.",
			Options: []string{AnswerAccept}})
	}
	return list
}

func functionalFindings(s Survey, plan Plan) []Finding {
	var list []Finding
	for _, prep := range plan.Preparation {
		i := slices.IndexFunc(s.FunctionalIDs, func(f FunctionalID) bool { return f.Email == prep.Email })
		switch f := s.FunctionalIDs[i]; f.State {
		case "":
			list = append(list, Finding{ID: "invite/" + f.Email, Severity: Note,
				Text: fmt.Sprintf("%s is not in the account: it will be invited, and the run waits until the invitation is accepted.", f.Email)})
		case "PENDING", "PROCESSING":
			list = append(list, Finding{ID: "pending/" + f.Email, Severity: Note,
				Text: fmt.Sprintf("%s has not accepted its invitation yet: the run waits for that.", f.Email)})
		case "ACTIVE":
		default:
			list = append(list, Finding{ID: "state/" + f.Email, Severity: Blocker,
				Text:   fmt.Sprintf("Functional ID %s is in state %s and cannot take over anything.", f.Email, f.State),
				Remedy: "Make it an active user of the account, or name another functional ID."})
		}
	}
	if len(plan.Handovers) > 0 && plan.Resets() > 0 && len(s.FunctionalIDs) == 0 {
		list = append(list, Finding{ID: "no-functional-id", Severity: Blocker,
			Text: "No functional ID is configured, so nobody can take over the scopes.", Remedy: "Configure one under functionalIds."})
	}
	return list
}

// fallbackFindings says why the fallback identity could not take the scopes back.
func fallbackFindings(s Survey, plan Plan) []Finding {
	f, resets := s.Fallback, plan.Resets()
	if f == nil || resets == 0 {
		return nil
	}
	remedy := "Make it an active user with room for the keys, or take policy.fallback out of the configuration."
	switch {
	case f.State != "ACTIVE":
		return []Finding{{ID: "fallback/" + f.Email, Severity: Blocker, Remedy: remedy,
			Text: fmt.Sprintf("The fallback identity %s is not an active user of the account.", f.Email)}}
	case f.Free() < resets:
		return []Finding{{ID: "fallback/" + f.Email, Severity: Blocker, Remedy: remedy,
			Text: fmt.Sprintf("The fallback identity %s holds %d of %d keys: there is no room for %s.", f.Email, f.Keys, f.Limit, counted(resets, "scope", "scopes"))}}
	}
	return []Finding{{ID: "fallback/" + f.Email, Severity: Note,
		Text: fmt.Sprintf("If the run turns round after a reset, the fallback identity %s takes the scopes that have a new owner.", f.Email)}}
}

func scopeFindings(scope ScopeSurvey, s Survey, plan Plan) []Finding {
	var list []Finding
	live := slices.ContainsFunc(scope.Clusters, func(c ClusterSurvey) bool { return !c.Cluster.Going() })
	if live && ofLeaver(scope.ClassicUser, s.Leaver) {
		list = append(list, Finding{ID: "classic/" + scope.Scope.ID(), Severity: Blocker,
			Text: fmt.Sprintf("The classic infrastructure credentials of %s are the leaver's own (%s) and take precedence over the cluster key: a reset alone would change nothing, and workers could no longer be ordered once the user is gone.",
				scope.Scope, scope.ClassicUser),
			Remedy: "Replace them (ibmcloud ks credential set) or delete them (ibmcloud ks credential unset), then survey again."})
	} else if scope.ClassicUser != "" {
		list = append(list, Finding{ID: "classic/" + scope.Scope.ID(), Severity: Note,
			Text: fmt.Sprintf("%s uses manual classic infrastructure credentials of %s; they take precedence over the cluster key for ordering classic workers and stay as they are.", scope.Scope, scope.ClassicUser)})
	}
	if i := slices.IndexFunc(plan.Handovers, func(h Handover) bool { return h.Scope.ID() == scope.Scope.ID() }); i >= 0 && plan.Handovers[i].Action == Refresh {
		list = append(list, Finding{ID: "refresh/" + scope.Scope.ID(), Severity: Note,
			Text: fmt.Sprintf("%s has a newer key of somebody else, but clusters and workloads in it may still run on an older one of the leaver: masters are refreshed and workloads restarted before that one dies.", scope.Scope)})
	}
	owners := map[string]bool{}
	for _, c := range scope.Clusters {
		if c.Cluster.Going() {
			list = append(list, Finding{ID: "going/" + c.Cluster.ID, Severity: Note,
				Text: fmt.Sprintf("Cluster %s is %s and is left alone.", c.Cluster.Name, c.Cluster.State)})
			continue
		}
		owners[strings.ToLower(c.Cluster.Owner.Email)] = true
		list = append(list, clusterFindings(scope.Scope, c, plan)...)
	}
	if len(owners) > 1 {
		list = append(list, Finding{ID: "owners/" + scope.Scope.ID(), Severity: Note,
			Text: fmt.Sprintf("The clusters of %s name different owners of the one key they share; the service may still be updating.", scope.Scope)})
	}
	if len(owners) == 0 && holdsClusterKey(s.Keys, scope.Scope) {
		list = append(list, Finding{ID: "empty/" + scope.Scope.ID(), Severity: Note,
			Text: fmt.Sprintf("No cluster depends on the leaver's key for %s: it is retired without a hand-over.", scope.Scope)})
	}
	return list
}

func clusterFindings(scope Scope, c ClusterSurvey, plan Plan) []Finding {
	var list []Finding
	touched := slices.ContainsFunc(plan.Handovers, func(h Handover) bool { return h.Scope.ID() == scope.ID() })
	name := c.Cluster.Name
	if c.Inspection.Unreachable != "" && touched {
		list = append(list, Finding{ID: "unreachable/" + c.Cluster.ID, Severity: Decision,
			Text:    fmt.Sprintf("The Kubernetes API of cluster %s cannot be reached from here (%s): what depends on the key in it is not known and cannot be restarted by the engine.", name, c.Inspection.Unreachable),
			Remedy:  "Run the engine where it can reach the cluster, or accept: the hand-over then asks you to restart the storage and autoscaler controllers by hand.",
			Options: []string{AnswerAccept}})
	}
	if c.Inspection.TrustedProfile {
		list = append(list, Finding{ID: "profile-cluster/" + c.Cluster.ID, Severity: Note,
			Text: fmt.Sprintf("The storage drivers of cluster %s use a trusted profile: they need no restart.", name)})
	}
	if c.Cluster.Busy() && touched {
		list = append(list, Finding{ID: "busy/" + c.Cluster.ID, Severity: Note,
			Text: fmt.Sprintf("Cluster %s is %s: its hand-over waits until that is over.", name, c.Cluster.State)})
	}
	if c.Cluster.State == "critical" || c.Cluster.State == "warning" || c.Cluster.State == "unsupported" {
		list = append(list, Finding{ID: "state/" + c.Cluster.ID, Severity: Note,
			Text: fmt.Sprintf("Cluster %s is in state %s before anything was done.", name, c.Cluster.State)})
	}
	for _, secret := range c.Inspection.PullSecrets {
		list = append(list, Finding{ID: "pull/" + c.Cluster.ID + "/" + secret, Severity: Note,
			Text:   fmt.Sprintf("Pull secret %s in cluster %s holds somebody's own API key; if it is the leaver's, image pulls fail once it is gone.", secret, name),
			Remedy: "Replace it by the cluster's own pull secret (all-icr-io)."})
	}
	return list
}

func keyFinding(k Key, s Survey, p Policy) (Finding, bool) {
	f := Finding{ID: "key/" + k.ID, Severity: Decision, Options: []string{AnswerRetire, AnswerKeep},
		Remedy: "Answer retire if what uses it may stop or is moved already; keep leaves the key alive, and then the user is not removed."}
	switch {
	case k.Class == ClusterKey && k.Scope.Region == "":
		f.Text = fmt.Sprintf("Cluster key %s does not say which scope it belongs to, so nobody can tell what depends on it.", k.ID)
	case k.Class == SatelliteKey:
		f.Text = fmt.Sprintf("Key %s belongs to a Satellite location: operations on that location fail once it is gone.", k.Name)
	case k.Class == PersonalKey && !k.Disabled && !k.LastUsed.IsZero() && s.TakenAt.Sub(k.LastUsed) <= p.RecentUse.Std():
		f.Text = fmt.Sprintf("Personal key %s was last used %s: whatever uses it stops.", k.Name, ago(s.TakenAt, k.LastUsed))
	case k.Class == PersonalKey:
		return Finding{ID: f.ID, Severity: Note, Text: fmt.Sprintf("Personal key %s (%s) is retired with the others.", k.Name, lastUse(s.TakenAt, k))}, true
	case k.Superseded:
		return Finding{ID: f.ID, Severity: Note, Text: fmt.Sprintf("An older cluster key of %s, made %s, is retired as well.", k.Scope, ago(s.TakenAt, k.CreatedAt))}, true
	default:
		return Finding{}, false
	}
	return f, true
}

func lastUse(now time.Time, k Key) string {
	if k.LastUsed.IsZero() {
		return "no use known"
	}
	return "last used " + ago(now, k.LastUsed)
}

// ofLeaver compares a classic user name, which may carry an account prefix as in "1234567_leaver@acme.example".
func ofLeaver(classicUser string, leaver Person) bool {
	user, mail := strings.ToLower(classicUser), strings.ToLower(leaver.Email)
	return user != "" && mail != "" && (user == mail || strings.HasSuffix(user, "_"+mail))
}

// ago says how long before now something was, in the largest whole unit.
func ago(now, then time.Time) string {
	if then.IsZero() {
		return "at an unknown time"
	}
	d := now.Sub(then)
	say := func(n int, unit string) string {
		if n == 1 {
			return "1 " + unit + " ago"
		}
		return fmt.Sprintf("%d %ss ago", n, unit)
	}
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return say(int(d/time.Minute), "minute")
	case d < 48*time.Hour:
		return say(int(d/time.Hour), "hour")
	}
	return say(int(d/(24*time.Hour)), "day")
}
