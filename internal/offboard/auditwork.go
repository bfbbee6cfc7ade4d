package offboard

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// auditWork is an audit while its conclusions are drawn.
type auditWork struct {
	s          AuditSurvey
	p          Policy
	scopes     []*auditScope
	totals     AuditTotals
	findings   []AuditFinding
	people     map[string]*AuditPerson // by lower-cased e-mail address, or IAM ID where there is none
	functional []AuditFunctional
	superseded []SupersededKey
	byIAM      map[string]Person
	byMail     map[string]Person      // by lower-cased address
	byScope    map[string]*auditScope // by ID
	unread     map[string]bool        // IDs of the clusters whose owner could not be asked for
	unclear    map[string]bool        // IAM IDs of those who hold a cluster key that does not say its scope
	dead       map[string]bool        // IDs of scopes whose key does not work
	toMove     int                    // scopes with clusters that somebody owns who is no functional ID
	keyTexts   map[string]bool        // texts of the services, and whether they speak of a lost key
}

func newAuditWork(s AuditSurvey, p Policy) *auditWork {
	w := &auditWork{s: s, p: p, scopes: s.scopes(), people: map[string]*AuditPerson{}, keyTexts: map[string]bool{},
		byIAM: map[string]Person{}, byMail: map[string]Person{}, byScope: map[string]*auditScope{}, unread: map[string]bool{}, unclear: map[string]bool{},
		dead: map[string]bool{}, totals: AuditTotals{Users: s.Users, UserKeys: s.UserKeys}}
	for _, person := range s.People {
		w.byIAM[person.IAMID] = person
		if person.Email != "" {
			w.byMail[strings.ToLower(person.Email)] = person
		}
	}
	for _, scope := range w.scopes {
		w.byScope[scope.ID()] = scope
	}
	for _, m := range s.Missing {
		if id, owner := strings.CutPrefix(m.ID, "owner/"); owner {
			w.unread[id] = true
		}
	}
	for _, k := range s.Keys {
		if k.Class == ClusterKey && k.Scope.Region == "" {
			w.unclear[k.IAMID] = true
		}
	}
	for _, f := range s.FunctionalIDs {
		w.functional = append(w.functional, AuditFunctional{FunctionalID: f})
	}
	w.superseded = Superseded(s.keyEvidence(w.scopes), p)
	slices.SortStableFunc(w.superseded, func(a, b SupersededKey) int { // those that can go first
		switch {
		case a.Unused == b.Unused:
			return 0
		case a.Unused:
			return -1
		}
		return 1
	})
	return w
}

func (w *auditWork) find(f AuditFinding) { w.findings = append(w.findings, f) }

// person is the entry of somebody; they are added when they are first spoken of.
func (w *auditWork) person(email string) *AuditPerson {
	key := strings.ToLower(email)
	found := w.people[key]
	if found == nil {
		who := w.byMail[key]
		found = &AuditPerson{IAMID: who.IAMID, Email: cmp.Or(who.Email, email), Name: who.Name, State: who.State,
			Owner: who.IAMID != "" && who.IAMID == w.s.Account.OwnerIAMID}
		w.people[key] = found
	}
	return found
}

// holder is the entry of who holds a key.
func (w *auditWork) holder(iamID string) *AuditPerson {
	if who, known := w.byIAM[iamID]; known && who.Email != "" {
		return w.person(who.Email)
	}
	found := w.people[iamID]
	if found == nil {
		found = &AuditPerson{IAMID: iamID, Email: iamID}
		w.people[iamID] = found
	}
	return found
}

// ours finds the functional ID of that address.
func (w *auditWork) ours(email string) *AuditFunctional {
	for i := range w.functional {
		if email != "" && strings.EqualFold(w.functional[i].Email, email) {
			return &w.functional[i]
		}
	}
	return nil
}

// recent tells whether a key was used within the window that counts as in use.
func (w *auditWork) recent(k Key) bool {
	return !k.Disabled && !k.LastUsed.IsZero() && w.s.TakenAt.Sub(k.LastUsed) <= w.p.RecentUse.Std()
}

// atRisk are the people, the most harmful first, each with what they would break.
func (w *auditWork) atRisk() []AuditPerson {
	list := make([]AuditPerson, 0, len(w.people))
	for _, key := range sortedKeys(w.people) {
		p := *w.people[key]
		if p.Clusters == 0 && len(p.Older) == 0 && len(p.InUse) == 0 && len(p.Satellite) == 0 && len(p.Classic) == 0 {
			continue
		}
		left := map[string]int{}
		p.Scopes = first(p.Scopes, mostScopes, "scopes", left)
		p.Older = first(p.Older, mostScopes, "older", left)
		p.InUse = first(p.InUse, mostNamed, "inUse", left)
		p.Profiles = first(p.Profiles, mostNamed, "profiles", left)
		p.ServiceIDs = first(p.ServiceIDs, mostNamed, "serviceIds", left)
		if len(left) > 0 {
			p.LeftOut = left
		}
		list = append(list, p)
	}
	slices.SortStableFunc(list, func(a, b AuditPerson) int {
		return cmp.Or(cmp.Compare(b.Clusters, a.Clusters), cmp.Compare(len(b.Scopes), len(a.Scopes)), cmp.Compare(len(b.Satellite), len(a.Satellite)),
			cmp.Compare(len(b.InUse), len(a.InUse)), cmp.Compare(a.Email, b.Email))
	})
	return list
}

// Title says in a few words who it is and how they stand.
func (p AuditPerson) Title() string {
	switch {
	case p.State == "":
		return p.Email + " (not in the account)"
	case p.State != "ACTIVE":
		return p.Email + " (" + p.State + ")"
	case p.Owner:
		return p.Email + " (account owner)"
	}
	return p.Email
}

// Harm says in words what breaks when the person leaves.
func (p AuditPerson) Harm(now time.Time) string {
	var parts []string
	say := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if p.Clusters > 0 {
		say("%s in %s", counted(p.Clusters, "cluster runs on their key", "clusters run on their keys"), counted(len(p.Scopes)+p.LeftOut["scopes"], "scope", "scopes"))
	}
	switch {
	case len(p.Breaks) > 0:
		parts = append(parts, p.Breaks...)
	case p.Clusters > 0:
		say("workers, volumes and load balancers can no longer be ordered in them")
	}
	if n := len(p.Older) + p.LeftOut["older"]; n > 0 {
		say("%s of others may still use an older key of theirs", counted(n, "scope", "scopes"))
	}
	for _, location := range p.Satellite {
		say("operations on %s fail", location)
	}
	for _, scope := range p.Classic {
		say("classic workers of %s can no longer be ordered", scope)
	}
	if len(p.InUse) > 0 {
		k := p.InUse[0]
		text := fmt.Sprintf("whatever uses %s stops", counted(len(p.InUse)+p.LeftOut["inUse"], "personal key of theirs", "personal keys of theirs"))
		say("%s (%s, %s)", text, k.Name, ago(now, k.LastUsed))
	}
	return strings.Join(parts, "; ")
}

// shellWord makes a text one word of a shell command: names come from outside.
func shellWord(s string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@%+=:,./_-", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !safe(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
