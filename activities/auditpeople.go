package activities

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"offboard/internal/offboard"
)

// mostInUse bounds the personal keys of people without clusters that an audit of every key keeps.
const mostInUse = 2000

// AuditPeopleInput names those whom the audit will speak of.
type AuditPeopleInput struct {
	Owners []string `json:"owners,omitempty"` // e-mail addresses that clusters name as owners of their keys
	Named  []string `json:"named,omitempty"`  // IAM IDs that profiles and service IDs name
	// EveryKey asks for the last use of everybody's personal keys, one call each.
	EveryKey bool            `json:"everyKey,omitempty"`
	Policy   offboard.Policy `json:"policy"`
	Engine   string          `json:"engine,omitempty"` // IAM ID
}

// AuditPeopleResult holds the people and keys that matter, and counts the others. See AuditSurvey.
type AuditPeopleResult struct {
	Users         int                     `json:"users"`
	UserKeys      int                     `json:"userKeys"`
	People        []offboard.Person       `json:"people,omitempty"`
	Keys          []offboard.Key          `json:"keys,omitempty"`
	FunctionalIDs []offboard.FunctionalID `json:"functionalIds,omitempty"`
	Unread        []string                `json:"unread,omitempty"`
	Blind         bool                    `json:"blind,omitempty"`
}

// AuditPeople reads the account's users and their keys, each list once, and keeps what has to do with clusters: an account
// has more people than fit into a history. It changes nothing.
func (a *Auditor) AuditPeople(ctx context.Context, in AuditPeopleInput) (AuditPeopleResult, error) {
	var people []offboard.Person
	var keys []offboard.Key
	err := together(ctx, 2, func(ctx context.Context, i int) (err error) {
		if i == 0 {
			people, err = a.users.People(ctx)
		} else {
			keys, err = a.keys.UserKeys(ctx)
		}
		return err
	})
	if err != nil {
		return AuditPeopleResult{}, err
	}
	result := AuditPeopleResult{Users: len(people), UserKeys: len(keys)}
	result.Blind = !slices.ContainsFunc(keys, func(k offboard.Key) bool { return k.IAMID != in.Engine })
	others := result.choose(keys, holders(in.Owners, people, keys))
	if in.EveryKey {
		if err := a.inUse(ctx, in, others, &result); err != nil {
			return result, err
		}
	}
	speak := map[string]bool{}
	for _, id := range in.Named {
		speak[id] = true
	}
	for _, k := range result.Keys {
		speak[k.IAMID] = true
	}
	named := append(slices.Clone(in.Owners), a.functional...)
	for _, p := range people {
		if speak[p.IAMID] || among(named, p.Email) {
			p.Realm = ""
			result.People = append(result.People, p)
		}
	}
	slices.SortFunc(result.People, func(x, y offboard.Person) int { return strings.Compare(x.IAMID, y.IAMID) })
	return result, a.functionalIDs(ctx, people, &result)
}

func among(emails []string, email string) bool {
	return slices.ContainsFunc(emails, func(e string) bool { return strings.EqualFold(e, email) })
}

// holders are the IAM IDs of those who own a cluster or hold a key that was made for one: their personal keys matter too.
func holders(owners []string, people []offboard.Person, keys []offboard.Key) map[string]bool {
	found := map[string]bool{}
	for _, p := range people {
		if among(owners, p.Email) {
			found[p.IAMID] = true
		}
	}
	for _, k := range keys {
		if k.Class != offboard.PersonalKey {
			found[k.IAMID] = true
		}
	}
	return found
}

// choose keeps the keys that matter and returns the others: personal ones of people without clusters.
func (r *AuditPeopleResult) choose(keys []offboard.Key, holders map[string]bool) []offboard.Key {
	var others []offboard.Key
	for _, k := range keys {
		k.Description = "" // what it says is in Class and Scope
		if k.Class == offboard.PersonalKey && !holders[k.IAMID] {
			others = append(others, k)
			continue
		}
		r.Keys = append(r.Keys, k)
	}
	slices.SortFunc(r.Keys, byID)
	return others
}

func byID(x, y offboard.Key) int { return strings.Compare(x.ID, y.ID) }

// inUse adds those of the other keys that were used lately.
func (a *Auditor) inUse(ctx context.Context, in AuditPeopleInput, others []offboard.Key, result *AuditPeopleResult) error {
	var mu sync.Mutex
	var found []offboard.Key
	err := together(ctx, len(others), func(ctx context.Context, i int) error {
		k, err := a.keys.Key(ctx, others[i].ID)
		mu.Lock()
		defer mu.Unlock()
		switch code := offboard.CodeOf(err); {
		case err == nil:
			if !k.LastUsed.IsZero() && !k.Disabled && a.now().Sub(k.LastUsed) <= in.Policy.RecentUse.Std() {
				k.Description = ""
				found = append(found, k)
			}
		case code == offboard.NotFound:
		case code.Retryable():
			return err
		default:
			result.Unread = append(result.Unread, others[i].ID)
		}
		return nil
	})
	slices.SortFunc(found, func(x, y offboard.Key) int { return cmp.Or(y.LastUsed.Compare(x.LastUsed), byID(x, y)) })
	result.Keys = append(result.Keys, found[:min(len(found), mostInUse)]...)
	slices.SortFunc(result.Keys, byID)
	slices.Sort(result.Unread)
	return err
}

// functionalIDs tells of each functional ID whether it is a member and how many keys it holds.
func (a *Auditor) functionalIDs(ctx context.Context, people []offboard.Person, result *AuditPeopleResult) error {
	list := make([]offboard.FunctionalID, len(a.functional))
	var ids []string
	for i, email := range a.functional {
		list[i] = offboard.FunctionalID{Email: email}
		for _, p := range people {
			if strings.EqualFold(p.Email, email) {
				list[i].IAMID, list[i].State = p.IAMID, p.State
				ids = append(ids, p.IAMID)
			}
		}
	}
	limit, held, err := a.keys.Room(ctx, ids)
	if err != nil {
		return err
	}
	for i := range list {
		list[i].Limit, list[i].Keys = cmp.Or(limit, offboard.DefaultKeyLimit), held[list[i].IAMID]
	}
	result.FunctionalIDs = list
	return nil
}
