package ibmsim

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Dynamic rules of access groups: who logs in with an identity provider whose claims meet a rule is a member until the
// rule's hours are over. Only a login as a person counts (Cloud.Login, a passcode), not an API key's (inferred).
var groupRuleRoutes = []route{
	{api: &groupsAPI, method: "GET", path: "/v2/groups/{group}/rules", handle: withGroup(listRules)},
	{api: &groupsAPI, method: "POST", path: "/v2/groups/{group}/rules", handle: withGroup(addRule)},
	{api: &groupsAPI, method: "GET", path: "/v2/groups/{group}/rules/{rule}", handle: withRule(getRule)},
	{api: &groupsAPI, method: "PUT", path: "/v2/groups/{group}/rules/{rule}", handle: withRule(replaceRule)},
	{api: &groupsAPI, method: "DELETE", path: "/v2/groups/{group}/rules/{rule}", handle: withRule(deleteRule)},
}

// groupRule makes members by what an identity provider says of them.
type groupRule struct {
	id, name, realm   string
	hours             int
	conditions        []claimCondition
	created, modified time.Time
	by                string
	tag               int
}

func (r *groupRule) etag() string { return fmt.Sprintf("%d-%s", r.tag, r.id[len(r.id)-8:]) }

// fileRule stands for the dynamic members of the account file, who are members without having logged in.
func (w *world) fileRule(g *accessGroup) *groupRule {
	r := &groupRule{
		id: "ClaimRule-" + uuidOf(w.ids.of("rule", g.id)), name: "by directory group", realm: "https://idp.acme.example", hours: maxRuleHours,
		conditions: []claimCondition{{"groups", "CONTAINS", strconv.Quote(g.name)}}, created: g.created, modified: g.created, by: g.by, tag: 1,
	}
	g.rules = append(g.rules, r)
	return r
}

// maxRuleHours is how long a membership by a rule may last without a new login (inferred).
const maxRuleHours = 24

// applyRules makes a person who logs in a member of the groups whose rules fit.
func (w *world) applyRules(u *user, now time.Time) {
	for _, g := range w.groups {
		if g.deleted {
			continue
		}
		for _, r := range g.rules {
			if u.provider.meet(r.realm, r.conditions) {
				w.joinByRule(u, g, r, now)
			}
		}
	}
}

// joinByRule begins a membership, or prolongs the one of an earlier login. The access acts at once: the person's new token
// carries it (inferred).
func (w *world) joinByRule(u *user, g *accessGroup, r *groupRule, now time.Time) {
	var m *membership
	for _, have := range w.memberships[u.iam] {
		if have.rule == r && have.to.IsZero() {
			m = have
		}
	}
	if m == nil {
		m = w.join(g.id, u.iam, r.by, now, now)
		m.rule = r
		w.happened(groupsAPI.name, "iam-groups.member.add", g.id, "group", g.name, "iam_id", u.iam, "rule", r.id)
	}
	life := time.Duration(r.hours) * time.Hour
	m.expires = now.Add(life)
	w.clock.AfterFunc(life, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if at := w.clock.Now(); m.to.IsZero() && !at.Before(m.expires) {
			m.end(at)
			w.happened(groupsAPI.name, "iam-groups.member.delete", g.id, "group", g.name, "iam_id", m.iam, "rule", r.id)
		}
	})
}

// endRule ends the memberships that came by a rule, at once (inferred).
func (w *world) endRule(g *accessGroup, r *groupRule, now time.Time) {
	for _, m := range w.membersOf(g.id) {
		if m.rule == r {
			m.end(now)
		}
	}
}

func withRule(handle func(*call, *accessGroup, *groupRule) reply) func(*call) reply {
	return withGroup(func(k *call, g *accessGroup) reply {
		i := slices.IndexFunc(g.rules, func(r *groupRule) bool { return r.id == k.path("rule") })
		if i < 0 {
			return k.listRefusal(http.StatusNotFound, "not_found", "The rule could not be found.")
		}
		return handle(k, g, g.rules[i])
	})
}

func (w *world) ruleBody(g *accessGroup, r *groupRule) map[string]any {
	return map[string]any{
		"id": r.id, "name": r.name, "expiration": r.hours, "realm_name": r.realm, "conditions": r.conditions, "access_group_id": g.id, "account_id": w.accountID,
		"created_at": groupTime(r.created), "created_by_id": r.by, "last_modified_at": groupTime(r.modified), "last_modified_by_id": r.by,
	}
}

func (k *call) ruleReply(status int, g *accessGroup, r *groupRule) reply {
	return reply{status: status, body: k.w.ruleBody(g, r), header: map[string]string{"ETag": r.etag()}}
}

func listRules(k *call, g *accessGroup) reply {
	rules := []any{}
	for _, r := range g.rules {
		rules = append(rules, k.w.ruleBody(g, r))
	}
	return ok(map[string]any{"rules": rules})
}

func getRule(k *call, g *accessGroup, r *groupRule) reply { return k.ruleReply(http.StatusOK, g, r) }

// readRule reads and checks a rule's body; the refusal is empty if all is well.
func (k *call) readRule(r *groupRule) reply {
	var in struct {
		Name       string           `json:"name"`
		Expiration int              `json:"expiration"`
		RealmName  string           `json:"realm_name"`
		Conditions []claimCondition `json:"conditions"`
	}
	if !k.decode(&in) || in.RealmName == "" || in.Expiration < 1 || in.Expiration > maxRuleHours {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", "The body needs realm_name, conditions and an expiration of 1 to 24 hours.")
	}
	if text := badConditions(in.Conditions); text != "" {
		return k.listRefusal(http.StatusBadRequest, "invalid_body", text)
	}
	r.name, r.hours, r.realm, r.conditions, r.modified = in.Name, in.Expiration, in.RealmName, in.Conditions, k.now
	return reply{}
}

func addRule(k *call, g *accessGroup) reply {
	r := &groupRule{created: k.now, by: k.caller.iam, tag: 1}
	if refused := k.readRule(r); refused.status != 0 {
		return refused
	}
	r.id = "ClaimRule-" + uuidOf(k.w.ids.next("rule"))
	g.rules = append(g.rules, r)
	k.record("iam-groups.rule.create", g.id, "group", g.name, "rule", r.id)
	return k.ruleReply(http.StatusCreated, g, r)
}

// replaceRule ends what the rule gave; the next login is judged by the new conditions.
func replaceRule(k *call, g *accessGroup, r *groupRule) reply {
	if k.entityChanged(r.etag()) {
		return k.listRefusal(http.StatusConflict, "conflict", "The rule was changed in the meantime; its entity tag does not match.")
	}
	if refused := k.readRule(r); refused.status != 0 {
		return refused
	}
	r.tag++
	k.w.endRule(g, r, k.now)
	k.record("iam-groups.rule.update", g.id, "group", g.name, "rule", r.id)
	return k.ruleReply(http.StatusOK, g, r)
}

func deleteRule(k *call, g *accessGroup, r *groupRule) reply {
	k.w.endRule(g, r, k.now)
	g.rules = slices.DeleteFunc(g.rules, func(have *groupRule) bool { return have == r })
	k.record("iam-groups.rule.delete", g.id, "group", g.name, "rule", r.id)
	return noContent()
}
