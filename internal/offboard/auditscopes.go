package offboard

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// scopeFindings goes through the scopes with clusters: whose key is it, does it work, may its owner do what is needed.
func (w *auditWork) scopeFindings() {
	for _, scope := range w.scopes {
		if len(scope.live) == 0 {
			continue
		}
		w.totals.Scopes++
		w.totals.Clusters += len(scope.live)
		owner := scope.owner(w.byIAM)
		w.assign(scope, owner)
		w.keyFindings(scope, owner)
		w.ownersFinding(scope, owner)
		w.rightsFinding(scope, owner)
		w.classicFinding(scope)
	}
}

// assign gives the scope's clusters to the people they name.
func (w *auditWork) assign(scope *auditScope, owner string) {
	named := map[string][]ClusterEvidence{}
	for _, c := range scope.live {
		email := strings.ToLower(c.Cluster.Owner.Email)
		if email == "" && c.Cluster.Owner.stranger() {
			continue // it is owned by something that is no user
		}
		if email == "" {
			email = owner
		}
		if email != "" {
			named[email] = append(named[email], c)
		}
	}
	personal, orphaned := 0, 0
	for _, email := range sortedKeys(named) {
		list := named[email]
		if f := w.ours(email); f != nil {
			f.Scopes++
			f.Clusters += len(list)
			continue
		}
		p := w.person(email)
		if p.State == "" {
			orphaned += len(list)
		} else {
			personal += len(list)
		}
		entry := AuditScope{Scope: scope.Scope, Clusters: len(list)}
		if p.IAMID != "" && p.IAMID == scope.newest.IAMID {
			entry.Key = scope.newest.ID
		}
		for _, c := range list[:min(len(list), mostNamed)] {
			entry.Names = append(entry.Names, c.Cluster.Name)
		}
		p.Scopes = append(p.Scopes, entry)
		p.Clusters += len(list)
		p.Breaks = addBreaks(p.Breaks, list)
	}
	if personal > 0 {
		w.totals.PersonalScopes++
	}
	if personal+orphaned > 0 {
		w.toMove++
	}
	w.totals.PersonalClusters += personal
	w.totals.Orphaned += orphaned
}

// addBreaks adds what stops in the clusters, each only once.
func addBreaks(breaks []string, clusters []ClusterEvidence) []string {
	for _, c := range clusters {
		for _, d := range c.Dependents {
			if d.Breaks != "" {
				breaks = appendNew(breaks, d.Breaks)
			}
		}
	}
	return breaks
}

// stranger tells whether an owner is named who is no user: a service ID or a profile has no e-mail address.
func (o Owner) stranger() bool { return o.Email == "" && (o.ID != "" || o.Name != "") }

// keyFindings says what is wrong with the key of a scope that has clusters.
func (w *auditWork) keyFindings(scope *auditScope, owner string) {
	f := AuditFinding{Severity: Blocker, Clusters: len(scope.live), Command: handover(scope.Scope)}
	which := fmt.Sprintf("%s (%s)", scope.Scope, counted(len(scope.live), "cluster", "clusters"))
	who, inAccount := w.byMail[owner]
	strangers := slices.ContainsFunc(scope.live, func(c ClusterEvidence) bool { return c.Cluster.Owner.stranger() })
	switch {
	case owner == "" && len(scope.keys) == 0 && !strangers && !w.unreadOwners(scope) && !w.s.Blind:
		f.ID, f.Kind = "no-key/"+scope.ID(), AuditNoKey
		f.Text = fmt.Sprintf("There is no cluster key for %s: nothing that needs one works there.", which)
		f.Remedy = "Have a functional ID make one."
	case owner == "":
		return // unreadable parts are findings of their own
	case !inAccount:
		f.ID, f.Kind = "departed/"+scope.ID(), AuditDeparted
		f.Text = fmt.Sprintf("The key of %s belongs to %s, who is not in the account any more: it died with them.", which, owner)
		f.Remedy = "Hand the scope over to a functional ID now."
	case w.lost(scope, who):
		f.ID, f.Kind = "no-key/"+scope.ID(), AuditNoKey
		f.Text = fmt.Sprintf("The clusters of %s name %s, who holds no cluster key for it: it was deleted.", which, owner)
		f.Remedy = "Hand the scope over to a functional ID now."
	case scope.newest.ID != "" && scope.newest.Disabled:
		f.ID, f.Kind = "disabled/"+scope.ID(), AuditDisabled
		f.Text = fmt.Sprintf("The newest key of %s is disabled (%s of %s).", which, scope.newest.ID, owner)
		f.Remedy = "If nobody means to delete it, enable it again; otherwise hand the scope over."
		f.Command = "ibmcloud iam api-key-enable " + shellWord(scope.newest.ID)
	case !who.Active():
		f.ID, f.Kind, f.Severity = "inactive/"+scope.ID(), AuditInactive, Decision
		f.Text = fmt.Sprintf("The key of %s belongs to %s, who is in state %s: what it may still do is uncertain.", which, owner, who.State)
		f.Remedy = "Hand the scope over to a functional ID."
	default:
		return
	}
	w.dead[scope.ID()] = f.Severity == Blocker
	w.find(f)
}

// lost tells whether somebody who should own the scope's key holds none that could be it.
func (w *auditWork) lost(scope *auditScope, who Person) bool {
	// A key that does not say its scope may be the one.
	return !w.s.Blind && len(scope.keys) == 0 && !w.unclear[who.IAMID]
}

// unreadOwners tells whether the owner of one of the clusters could not be asked for.
func (w *auditWork) unreadOwners(scope *auditScope) bool {
	return slices.ContainsFunc(scope.live, func(c ClusterEvidence) bool { return w.unread[c.Cluster.ID] })
}

// ownersFinding is for clusters that do not agree whose the one key is that they share.
func (w *auditWork) ownersFinding(scope *auditScope, owner string) {
	others := 0
	var strangers []string
	for _, c := range scope.live {
		if email := c.Cluster.Owner.Email; email != "" && !strings.EqualFold(email, owner) {
			others++
		}
		if o := c.Cluster.Owner; o.stranger() {
			strangers = appendNew(strangers, orDash(o.Name))
		}
	}
	f := AuditFinding{ID: "owners/" + scope.ID(), Kind: AuditOwners, Severity: Note, Clusters: len(scope.live), Command: handover(scope.Scope)}
	holder, known := w.byIAM[scope.newest.IAMID]
	switch {
	case len(strangers) > 0:
		f.Text = fmt.Sprintf("Clusters of %s are owned by %s, which is no user: nobody takes it along, but the engine cannot judge its key.", scope.Scope, strings.Join(strangers, ", "))
		f.Command = ""
	case others > 0:
		f.Text = fmt.Sprintf("The clusters of %s name different owners of the one key they share; the service may still be updating.", scope.Scope)
		f.Remedy = "Look again later; if they still differ, hand the scope over."
	case known && owner != "" && !strings.EqualFold(holder.Email, owner):
		f.Text = fmt.Sprintf("The clusters of %s name %s, but the newest key there is one of %s.", scope.Scope, owner, holder.Email)
		f.Remedy = "Look again later; if they still differ, hand the scope over."
	default:
		return
	}
	w.find(f)
}

// rightsFinding compares what the owner may do with what the owner of a cluster key must.
func (w *auditWork) rightsFinding(scope *auditScope, owner string) {
	who, known := w.byMail[owner]
	if !known || who.IAMID == w.s.Account.OwnerIAMID {
		return
	}
	rights, judged := w.s.Rights[who.IAMID]
	var lacks []string
	unknown := !judged
	if judged {
		lacks, unknown = lacking(scope, rights)
		unknown = unknown && len(lacks) > 0
	}
	if w.ours(owner) == nil {
		p := w.person(owner)
		p.Unjudged = p.Unjudged || unknown
		if !unknown {
			for _, role := range lacks {
				p.Lacks = appendNew(p.Lacks, role)
			}
		}
	}
	if unknown || len(lacks) == 0 {
		return
	}
	w.find(AuditFinding{ID: "rights/" + scope.ID(), Kind: AuditRights, Severity: Decision, Clusters: len(scope.live),
		Text: fmt.Sprintf("%s owns the key of %s but lacks %s: everybody's clusters in that scope suffer from it (%s).",
			owner, scope.Scope, strings.Join(lacks, ", "), counted(len(scope.live), "cluster", "clusters")),
		Remedy: "Hand the scope over to a functional ID, which is given what it needs, or give the roles to the owner.", Command: handover(scope.Scope)})
}

func (w *auditWork) classicFinding(scope *auditScope) {
	user := w.s.Classic[scope.ID()]
	if user == "" {
		return
	}
	for _, who := range w.s.People {
		if !ofLeaver(user, who) || w.ours(who.Email) != nil {
			continue
		}
		p := w.person(who.Email)
		p.Classic = append(p.Classic, scope.Scope)
		w.find(AuditFinding{ID: "classic/" + scope.ID(), Kind: AuditClassic, Severity: Decision, Clusters: len(scope.live),
			Text:    fmt.Sprintf("%s uses the manual classic infrastructure credentials of %s, which take precedence over the cluster key.", scope.Scope, who.Email),
			Remedy:  "Replace them by those of a functional account, or unset them.",
			Command: fmt.Sprintf("ibmcloud target -g %s && ibmcloud ks credential get --region %s", shellWord(cmp.Or(scope.ResourceGroupName, scope.ResourceGroup)), shellWord(scope.Region))})
	}
}

func handover(scope Scope) string {
	return "starter handover --scope " + shellWord(scope.String()) + " --mode plan --wait"
}
