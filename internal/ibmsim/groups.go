package ibmsim

import "time"

// accessGroup is an access group; its members are memberships, its access is rights.
type accessGroup struct {
	id, name, description string
	created               time.Time
	by                    string
	deleted               bool
	tag                   int
	rules                 []*groupRule
}

func (w *world) group(id string) *accessGroup {
	for _, g := range w.groups {
		if g.id == id && !g.deleted {
			return g
		}
	}
	return nil
}

// join makes an identity a member; the access that comes with it acts from a later moment (trap 29).
func (w *world) join(group, iam, by string, now, acts time.Time) *membership {
	m := &membership{span: span{from: acts}, group: group, iam: iam, added: now, by: by}
	w.memberships[iam] = append(w.memberships[iam], m)
	return m
}

// end stops a membership; one that has not begun to act never will.
func (m *membership) end(now time.Time) {
	if m.to.IsZero() {
		m.to = later(now, m.from)
	}
}

// member is the open membership of an identity in a group, acting or not.
func (w *world) member(group, iam string) *membership {
	for _, m := range w.memberships[iam] {
		if m.group == group && m.to.IsZero() {
			return m
		}
	}
	return nil
}

// staticMember is a membership that calls made and calls can end.
func (w *world) staticMember(group, iam string) *membership {
	for _, m := range w.memberships[iam] {
		if m.group == group && m.to.IsZero() && m.rule == nil {
			return m
		}
	}
	return nil
}

// membersOf lists a group's open memberships in the order of the account's identities.
func (w *world) membersOf(group string) []*membership {
	var list []*membership
	of := func(iam string) {
		for _, m := range w.memberships[iam] {
			if m.group == group && m.to.IsZero() {
				list = append(list, m)
			}
		}
	}
	for _, u := range w.users {
		if u.listed() {
			of(u.iam)
		}
	}
	for _, s := range w.services {
		of(s.iam)
	}
	for _, p := range w.profiles {
		of(p.iam)
	}
	return list
}

// moveGrants carries what was given to an invitee's placeholder over to the real identity (trap 56).
func (w *world) moveGrants(old, iam string) {
	for _, m := range w.memberships[old] {
		m.iam = iam
	}
	w.memberships[iam] = append(w.memberships[iam], w.memberships[old]...)
	delete(w.memberships, old)
	for _, r := range w.rights[old] {
		r.subject = iam
	}
	w.rights[iam] = append(w.rights[iam], w.rights[old]...)
	delete(w.rights, old)
	for _, p := range w.policies {
		if p.subject == old {
			p.subject = iam
		}
	}
}
