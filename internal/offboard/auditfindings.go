package offboard

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// nearLimit is how many free places for keys are few: a hand-over needs one for each scope.
const nearLimit = 3

// lostKey are the symptoms, by ID, that mean a dead or missing key of the cluster's owner; see docs/symptoms.md.
var lostKey = []string{"key-not-found", "token-exchange-failed", "token-exchange-unfilled", "no-key-for-scope"}

// clusterFindings looks for clusters that are in trouble, and says whether it is a key that they miss.
func (w *auditWork) clusterFindings() {
	for _, scope := range w.scopes {
		for _, c := range scope.live {
			signs, key := w.distress(c)
			if len(signs) == 0 {
				continue
			}
			name := c.Cluster.Name
			f := AuditFinding{ID: "failing/" + c.Cluster.ID, Kind: AuditFailing, Severity: Note, Clusters: 1,
				Text:    fmt.Sprintf("Cluster %s in %s is in trouble: %s. Nothing says that its key is the cause.", name, scope.Scope, strings.Join(signs, "; ")),
				Remedy:  "Look at the cluster; if it speaks of IAM or an API key, hand its scope over.",
				Command: "ibmcloud ks cluster health issues --cluster " + shellWord(name)}
			if key || w.dead[scope.ID()] {
				f.Severity = Blocker
				f.Text = fmt.Sprintf("Cluster %s in %s shows the signs of a lost key: %s.", name, scope.Scope, strings.Join(signs, "; "))
				f.Remedy, f.Command = "Hand its scope over to a functional ID.", handover(scope.Scope)
				w.totals.Failing++
			}
			w.find(f)
		}
	}
}

// distress lists what is wrong with a cluster, and tells whether one of the service's texts speaks of a lost key.
func (w *auditWork) distress(c ClusterEvidence) (signs []string, key bool) {
	say := func(text, status string) {
		if status != "" {
			text += " (" + strings.TrimSuffix(status, ".") + ")"
		}
		signs = append(signs, text)
		key = key || w.speaksOfKey(status)
	}
	switch c.Cluster.State {
	case "critical", "warning":
		say("its state is "+c.Cluster.State, c.Cluster.Status)
	}
	if h := c.Master.Health; h == "error" || h == "unavailable" {
		say("its control plane is "+h, "")
	}
	for _, a := range c.Cluster.Addons {
		if a.Bad() {
			say("add-on "+a.Name+" is "+a.Health, a.Status)
		}
	}
	for _, d := range c.Dependents {
		if d.Ready < d.Replicas {
			say(fmt.Sprintf("%s has %d of %d pods ready", d.Name, d.Ready, d.Replicas), "")
		}
	}
	return signs, key
}

// speaksOfKey tells whether a text is one that a lost key shows itself by. A thousand clusters say the same few things.
func (w *auditWork) speaksOfKey(text string) bool {
	if text == "" {
		return false
	}
	yes, known := w.keyTexts[text]
	if !known {
		yes = slices.ContainsFunc(Explain(text), func(e Explanation) bool { return slices.Contains(lostKey, e.ID) })
		w.keyTexts[text] = yes
	}
	return yes
}

// peopleFindings is one finding for each person who would break something.
func (w *auditWork) peopleFindings() {
	w.holdings()
	for _, p := range w.atRisk() {
		person := w.people[strings.ToLower(p.Email)]
		if person == nil {
			person = w.people[p.IAMID]
		}
		f := AuditFinding{ID: "person/" + cmp.Or(p.IAMID, strings.ToLower(p.Email)), Kind: AuditPersonal, Severity: Decision, Clusters: p.Clusters}
		switch {
		case p.State == "":
			continue // their scopes are findings already
		case p.Clusters > 0:
			f.Text = fmt.Sprintf("If %s left today: %s.", p.Email, p.Harm(w.s.TakenAt))
			f.Remedy = "Move their scopes to a functional ID before that day."
			f.Command = "starter handover --owned-by " + shellWord(p.Email) + " --mode plan --wait"
			if p.Owner {
				f.Remedy += " They own the account: a transfer of the ownership removes them at once, keys and all."
			}
		case len(p.Satellite) > 0:
			f.Kind = AuditSatellite
			f.Text = fmt.Sprintf("If %s left today: %s.", p.Email, p.Harm(w.s.TakenAt))
			f.Remedy, f.Command = "See what an offboarding would ask.", plannedRun(p.Email)
		case len(p.Older) > 0:
			f.Kind, f.Severity = AuditOlder, Note
			f.Text = fmt.Sprintf("%s holds older cluster keys that are not proven unused: %s.", p.Email, p.Harm(w.s.TakenAt))
			f.Remedy, f.Command = "An offboarding refreshes and restarts what may use them first.", plannedRun(p.Email)
		case len(p.InUse) > 0:
			f.Kind, f.Severity = AuditInUse, Note
			f.Text = fmt.Sprintf("If %s left today: %s.", p.Email, p.Harm(w.s.TakenAt))
			f.Remedy, f.Command = "Give what uses the key one of a service ID.", plannedRun(p.Email)
		default:
			continue // classic credentials are findings already
		}
		person.Command = f.Command
		w.find(f)
	}
}

func plannedRun(email string) string {
	return "starter run --user " + shellWord(email) + " --mode plan --wait"
}

// holdings notes whom the keys, profiles and service IDs belong to.
func (w *auditWork) holdings() {
	for _, k := range w.s.Keys {
		if w.ownUse(k.IAMID) {
			continue
		}
		switch {
		case k.Class == SatelliteKey:
			p := w.holder(k.IAMID)
			p.Satellite = appendNew(p.Satellite, k.Name)
		case k.Class == PersonalKey && w.recent(k):
			p := w.holder(k.IAMID)
			p.InUse = append(p.InUse, AuditUse{ID: k.ID, Name: k.Name, LastUsed: k.LastUsed})
		}
	}
	for _, k := range w.superseded {
		if scope := w.byScope[k.Key.Scope.ID()]; k.Unused || w.ownUse(k.Key.IAMID) || scope == nil || len(scope.live) == 0 {
			continue
		}
		p := w.holder(k.Key.IAMID)
		own := func(s AuditScope) bool { return s.Scope.ID() == k.Key.Scope.ID() }
		if !slices.ContainsFunc(p.Scopes, own) && !slices.ContainsFunc(p.Older, func(s Scope) bool { return s.ID() == k.Key.Scope.ID() }) {
			p.Older = append(p.Older, w.named(k.Key.Scope))
		}
	}
	profiles, services := map[string][]string{}, map[string][]string{}
	for _, profile := range w.s.Profiles {
		for _, user := range profile.Users {
			profiles[user] = append(profiles[user], profile.Name)
		}
	}
	for _, id := range w.s.ServiceIDs {
		services[id.Creator] = append(services[id.Creator], id.Name)
	}
	for _, who := range sortedKeys(w.people) {
		p := w.people[who]
		slices.SortStableFunc(p.InUse, func(a, b AuditUse) int { return b.LastUsed.Compare(a.LastUsed) })
		if p.IAMID != "" {
			p.Profiles, p.ServiceIDs = profiles[p.IAMID], services[p.IAMID]
		}
	}
}

// ownUse tells whether an identity is the engine's or a functional ID, which do not leave.
func (w *auditWork) ownUse(iamID string) bool {
	return w.s.trusted(iamID) || w.ours(w.byIAM[iamID].Email) != nil
}

// named is the scope with the name of its resource group.
func (w *auditWork) named(scope Scope) Scope {
	if known := w.byScope[scope.ID()]; known != nil {
		return known.Scope
	}
	return scope
}

// functionalFindings asks whether the functional IDs could take over what is on personal keys.
func (w *auditWork) functionalFindings() {
	room := 0
	for _, f := range w.functional {
		finding := AuditFinding{ID: "functional/" + strings.ToLower(f.Email), Kind: AuditFunctionID, Severity: Note, Clusters: f.Clusters, Command: "starter check"}
		switch {
		case f.State == "":
			finding.Text = fmt.Sprintf("Functional ID %s is not in the account: the first hand-over invites it and waits until the invitation is accepted.", f.Email)
			finding.Remedy = "Invite it beforehand."
		case f.State != "ACTIVE":
			finding.Severity = Decision
			finding.Text = fmt.Sprintf("Functional ID %s is in state %s and cannot take over anything.", f.Email, f.State)
			finding.Remedy = "Make it an active user of the account."
		case f.Free() <= nearLimit:
			finding.ID, finding.Kind = "headroom/"+strings.ToLower(f.Email), AuditHeadroom
			finding.Text = fmt.Sprintf("Functional ID %s holds %d of %d keys.", f.Email, f.Keys, f.Limit)
			finding.Remedy = "Delete superseded keys, have IBM raise the limit, or configure one more functional ID."
			finding.Command = prune
			if f.Free() == 0 {
				finding.Severity = Decision
				finding.Text = fmt.Sprintf("Functional ID %s holds all %d keys it may hold: it can take over nothing, and its own scopes cannot be reset.", f.Email, f.Limit)
			}
		default:
			finding.Text = ""
		}
		room += f.Free()
		if finding.Text != "" {
			w.find(finding)
		}
	}
	switch {
	case len(w.functional) == 0 && w.toMove > 0:
		w.find(AuditFinding{ID: "no-functional-id", Kind: AuditFunctionID, Severity: Decision, Clusters: w.totals.PersonalClusters + w.totals.Orphaned,
			Text: "No functional ID is configured, so nobody could take over the scopes that people own.", Remedy: "Configure one under functionalIds.", Command: "starter check"})
	case w.toMove > room:
		w.find(AuditFinding{ID: "room", Kind: AuditHeadroom, Severity: Decision, Clusters: w.totals.PersonalClusters + w.totals.Orphaned,
			Text: fmt.Sprintf("%s a new owner, but the functional IDs have room for %s only.",
				counted(w.toMove, "scope needs", "scopes need"), counted(room, "more key", "more keys")),
			Remedy: "Configure one more functional ID, have IBM raise the limit, or delete superseded keys.", Command: prune})
	}
}

// prune is the command that removes superseded keys.
const prune = "starter prune --all --mode plan --wait"

// supersededFindings sums up the superseded cluster keys, and names those that do not say their scope.
func (w *auditWork) supersededFindings() {
	w.totals.Superseded = len(w.superseded)
	for i, k := range w.superseded {
		w.superseded[i].Key.Scope = w.named(k.Key.Scope)
		if k.Unused {
			w.totals.Prunable++
		}
	}
	if n := w.totals.Prunable; n > 0 {
		w.find(AuditFinding{ID: "prunable", Kind: AuditPrunable, Severity: Note,
			Text:   fmt.Sprintf("%s proven unused: each is alive, and counts against its owner's limit.", counted(n, "superseded cluster key is", "superseded cluster keys are")),
			Remedy: "Remove them; the plan proves it again and asks.", Command: prune})
	}
	if n := w.totals.Superseded - w.totals.Prunable; n > 0 {
		f := AuditFinding{ID: "unproven", Kind: AuditUnproven, Severity: Note,
			Text:   fmt.Sprintf("%s not proven unused; the reason stands beside each.", counted(n, "superseded cluster key is", "superseded cluster keys are")),
			Remedy: "Leave them alone until nothing can hold them any more."}
		if !w.s.Request.Dependents {
			f.Remedy, f.Command = "Look into the clusters: without that nothing can be proven.", "starter audit --dependents"
		}
		w.find(f)
	}
	for _, k := range w.s.Keys {
		if k.Class != ClusterKey || k.Scope.Region != "" || w.s.trusted(k.IAMID) {
			continue
		}
		holder := w.byIAM[k.IAMID]
		w.find(AuditFinding{ID: "unassigned/" + k.ID, Kind: AuditUnassigned, Severity: Note,
			Text:    fmt.Sprintf("Cluster key %s of %s does not say which scope it belongs to, so nobody can tell what depends on it.", k.ID, cmp.Or(holder.Email, k.IAMID)),
			Remedy:  "Leave it alone until its owner's scopes are handed over.",
			Command: "ibmcloud iam api-key --activity " + shellWord(k.ID)})
	}
}

// identityFindings looks for profiles and service IDs that name somebody who is gone.
func (w *auditWork) identityFindings() {
	for _, profile := range w.s.Profiles {
		for _, user := range profile.Users {
			if _, known := w.byIAM[user]; known {
				continue
			}
			w.find(AuditFinding{ID: "profile/" + profile.ID + "/" + user, Kind: AuditProfile, Severity: Note,
				Text:    fmt.Sprintf("Trusted profile %s still lists %s, who is not in the account.", profile.Name, user),
				Remedy:  "Remove the identity from the profile.",
				Command: "ibmcloud iam trusted-profiles"})
		}
	}
	for _, id := range w.s.ServiceIDs {
		if _, known := w.byIAM[id.Creator]; known || id.Creator == "" {
			continue
		}
		w.find(AuditFinding{ID: "service-id/" + id.ID, Kind: AuditServiceID, Severity: Note,
			Text:    fmt.Sprintf("Service ID %s was made by %s, who is not in the account: it works on, and perhaps nobody answers for it.", id.Name, id.Creator),
			Remedy:  "Find out what uses it and note who answers for it.",
			Command: "ibmcloud iam service-id " + shellWord(id.Name)})
	}
}

// missingFindings says what could not be seen; not to know is not to be well.
func (w *auditWork) missingFindings() {
	remedy := "Give the engine's identity the right to read it."
	for _, m := range w.s.Missing {
		w.find(AuditFinding{ID: "missing/" + m.ID, Kind: AuditMissing, Severity: Decision,
			Text: fmt.Sprintf("%s (%s).", m.What, strings.TrimSuffix(m.Why, ".")), Remedy: remedy, Command: "starter check"})
	}
	for _, h := range w.s.Hidden {
		w.find(AuditFinding{ID: "missing/hidden/" + h.ID, Kind: AuditMissing, Severity: Decision, Clusters: 1,
			Text:   fmt.Sprintf("Cluster %s is known to global search but not shown to the engine: whose key it depends on is not known.", h.Name),
			Remedy: remedy, Command: "starter check"})
	}
	if w.s.Blind {
		w.find(AuditFinding{ID: "missing/keys", Kind: AuditMissing, Severity: Decision, Clusters: w.totals.Clusters,
			Text: "The engine was shown no API key but its own: who else holds cluster keys is not known.", Remedy: "Give the engine's identity Administrator on IAM Identity.", Command: "starter check"})
	}
}
