package ibmsim

import (
	"fmt"
	"time"
)

// fillerNames keep filler people recognisable as such.
const fillerDomain = "people.acme.example"

func (w *world) loadFillers() {
	for i := range w.account.Fillers.Users {
		email := fmt.Sprintf("person-%04d@%s", i+1, fillerDomain)
		added := w.ago(Duration(time.Duration(30+i%700) * 24 * time.Hour))
		u := &user{iam: w.ids.iamID(email), email: email, first: "Person", last: fmt.Sprintf("%04d", i+1), state: stateActive, added: added, active: []span{{from: added}}}
		w.addUser(u)
		for n := range w.account.Fillers.KeysPerUser {
			k := w.oldKey(u.iam, fmt.Sprintf("personal-%d", n+1), "", added.Add(time.Hour))
			k.lastAuthn, k.authns = w.born.Add(-time.Duration(1+(i+n)%200)*24*time.Hour), int64(1+i%40)
		}
	}
}

func (w *world) loadAccess() {
	ids := map[string]string{}
	for _, g := range w.account.AccessGroups {
		group := &accessGroup{id: "AccessGroupId-" + uuidOf(w.ids.of("access-group", g.Name)), name: g.Name, created: w.ago(Duration(200 * 24 * time.Hour)), by: w.owner()}
		ids[g.Name] = group.id
		w.groups = append(w.groups, group)
		for _, m := range g.Members {
			w.join(group.id, w.iamByEmail(m), w.owner(), group.created, group.created)
		}
		if len(g.Dynamic) > 0 {
			rule := w.fileRule(group)
			for _, m := range g.Dynamic {
				w.join(group.id, w.iamByEmail(m), w.owner(), group.created, group.created).rule = rule
			}
		}
	}
	for i, g := range w.account.Policies {
		p := &policy{id: uuidOf(w.ids.of("policy", fmt.Sprint(i))), version: 2, kind: kindAccess, subjectKey: "iam_id", created: w.ago(Duration(200 * 24 * time.Hour)), by: w.owner(), tag: 1}
		switch {
		case g.User != "":
			p.subject = w.iamByEmail(g.User)
		case g.ServiceID != "":
			p.subject = w.iamByEmail(g.ServiceID)
		case g.Profile != "":
			p.subject = w.iamByEmail(g.Profile)
		default:
			p.subjectKey, p.subject = "access_group_id", ids[g.AccessGroup]
		}
		for _, r := range g.Roles {
			crn, _ := roleCRN(r)
			p.roles = append(p.roles, crn)
		}
		p.attrs = w.grantAttributes(g)
		switch {
		case g.Ends != 0:
			p.times = between(p.created, w.born.Add(g.Ends.Std()))
		case g.Weekly != nil:
			p.times, _ = weekly(*g.Weekly) // the account was checked
		}
		w.putPolicy(p, p.created)
	}
}

func (w *world) grantAttributes(g Grant) []attribute {
	attrs := []attribute{{"accountId", "stringEquals", w.accountID}}
	switch g.Service {
	case "all":
		attrs = append(attrs, attribute{"serviceType", "stringEquals", "service"})
	case "account":
		attrs = append(attrs, attribute{"serviceType", "stringEquals", "platform_service"})
	case "resource-group":
		attrs = append(attrs, attribute{"resourceType", "stringEquals", "resource-group"})
		if g.ResourceGroup != "" {
			return append(attrs, attribute{"resource", "stringEquals", w.groupNamed(g.ResourceGroup).id})
		}
		return attrs
	default:
		attrs = append(attrs, attribute{"serviceName", "stringEquals", g.Service})
	}
	if g.ResourceGroup != "" {
		attrs = append(attrs, attribute{"resourceGroupId", "stringEquals", w.groupNamed(g.ResourceGroup).id})
	}
	if g.Region != "" {
		attrs = append(attrs, attribute{"region", "stringEquals", g.Region})
	}
	return attrs
}

func (w *world) scopeNamed(region, group string) *scope {
	modern, _ := modernRegion(region)
	return w.scope(scopeID{modern, w.groupNamed(group).id})
}

func (w *world) loadKeys() {
	for _, s := range w.account.Scopes {
		w.scopeNamed(s.Region, s.ResourceGroup) // so that scopes keep the order of the file
	}
	for _, s := range w.account.Keys {
		name := s.Name
		if s.Scope != nil {
			name = clusterKeyName
		}
		k := w.namedKey(firstOf(s.ID, "ApiKey-"+uuidOf(w.ids.next("apikey"))), w.iamByEmail(s.Owner), name, s.Secret, w.ago(s.Created))
		k.description, k.locked = s.Description, s.Locked
		if s.Scope != nil {
			sc := w.scopeNamed(s.Scope.Region, s.Scope.ResourceGroup)
			k.description = firstOf(s.Description, describeKey(sc.id))
			if s.Current {
				sc.keys = []pairKey{{key: k, set: k.created, act: k.created}}
			}
		}
		if s.LastUsed != 0 {
			k.lastAuthn, k.authns = w.ago(s.LastUsed), max(s.Uses, 1)
		}
		switch {
		case s.ExpiresIn != 0:
			k.expires = w.born.Add(s.ExpiresIn.Std())
		case s.Expired != 0:
			k.expires = w.ago(s.Expired)
		}
		if s.Disabled {
			k.disabled = true
			k.kill(k.created, causeDisabled)
		}
	}
	for _, s := range w.account.Scopes {
		sc := w.scopeNamed(s.Region, s.ResourceGroup)
		k := w.oldKey(w.iamByEmail(s.Owner), clusterKeyName, "", w.ago(s.Created))
		k.description, k.locked = describeKey(sc.id), s.Locked
		sc.keys = []pairKey{{key: k, set: k.created, act: k.created}}
	}
	for _, c := range w.account.Credentials {
		w.credentials[w.scopeNamed(c.Region, c.ResourceGroup).id] = c.APIUser
	}
}
