package app

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"offboard/activities"
	"offboard/internal/offboard"
)

// Drift tells whether an account still looks as a report left it: the user is still gone, the keys are, and each cluster
// depends on the key of who took it over. It reads only: the account once, the list of users and the user, the list of
// user keys, and the owner of each cluster in the report. A run that is open or changed nothing has nothing to compare.
func Drift(ctx context.Context, report offboard.Report, ports activities.Ports) []Check {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	p := report.Progress
	me, err := ports.Users.WhoAmI(ctx)
	switch {
	case err != nil:
		return []Check{unasked("account", err)}
	case me.Account != p.Account:
		return []Check{{Name: "account", Detail: fmt.Sprintf("the report is of account %s, the credentials are of %s", p.Account, me.Account),
			Remedy: "use credentials of the report's account"}}
	}
	leaver, unread := leaverNow(ctx, p.Leaver, ports.Users)
	var list []Check
	if p.UserRemoved {
		list = append(list, userStillGone(p, leaver, unread))
	}
	if slices.ContainsFunc(p.Keys, func(k offboard.KeyProgress) bool {
		return k.State == offboard.KeyDeleted || k.State == offboard.KeyDisabled
	}) {
		list = append(list, keysStillGone(ctx, p, leaver, ports.Keys))
	}
	for _, s := range p.Scopes {
		if s.State != offboard.ScopeDone {
			continue
		}
		for _, c := range s.Clusters {
			list = append(list, ownerStill(ctx, s, c, ports.Clusters))
		}
	}
	if len(list) == 0 {
		return []Check{{Name: "account", OK: true, Detail: "the run changed nothing that could be different by now"}}
	}
	return list
}

func unasked(name string, err error) Check {
	return Check{Name: name, Detail: err.Error(), Remedy: "make it answer, then verify again"}
}

// leaverNow are the users of the account that are the leaver: who is invited again may have another IAM ID (trap 56). An
// identity that does not see all users can still ask for one whose IAM ID it knows (trap 16).
func leaverNow(ctx context.Context, leaver offboard.Person, users activities.Users) ([]offboard.Person, error) {
	if leaver.IAMID == "" && leaver.Email == "" {
		return nil, nil // nobody left
	}
	people, err := users.People(ctx)
	if err != nil {
		return nil, err
	}
	people = slices.DeleteFunc(people, func(user offboard.Person) bool {
		return user.IAMID != leaver.IAMID && !strings.EqualFold(user.Email, leaver.Email)
	})
	if leaver.IAMID == "" || len(people) > 0 {
		return people, nil
	}
	user, err := users.Person(ctx, leaver.IAMID)
	switch {
	case offboard.CodeOf(err) == offboard.NotFound:
		return nil, nil
	case err != nil:
		return nil, err
	}
	return []offboard.Person{user}, nil
}

func userStillGone(p offboard.Progress, leaver []offboard.Person, unread error) Check {
	const name = "user"
	switch {
	case unread != nil:
		return unasked(name, unread)
	case len(leaver) == 0:
		return Check{Name: name, OK: true, Detail: p.Leaver.Email + " is still gone"}
	}
	return Check{Name: name, Detail: fmt.Sprintf("%s is a user of the account again (%s)", p.Leaver.Email, strings.TrimSpace(leaver[0].IAMID+" "+leaver[0].State)),
		Remedy: "find out who invited them; starter run --user offboards them again"}
}

func keysStillGone(ctx context.Context, p offboard.Progress, leaver []offboard.Person, keys activities.Keys) Check {
	const name = "keys"
	there, err := keys.UserKeys(ctx)
	if err != nil {
		return unasked(name, err)
	}
	retired, left := map[string]offboard.KeyState{}, map[string]bool{}
	for _, k := range p.Keys {
		retired[k.ID], left[k.ID] = k.State, true
	}
	theirs := map[string]bool{p.Leaver.IAMID: p.Leaver.IAMID != ""}
	for _, user := range leaver {
		theirs[user.IAMID] = true
	}
	var wrong []string
	for _, k := range there {
		switch state := retired[k.ID]; {
		case state == offboard.KeyDeleted:
			wrong = append(wrong, fmt.Sprintf("%s (%s) was deleted and is there", k.Name, k.ID))
		case state == offboard.KeyDisabled && !k.Disabled:
			wrong = append(wrong, fmt.Sprintf("%s (%s) was disabled and works again", k.Name, k.ID))
		case !left[k.ID] && theirs[k.IAMID]:
			wrong = append(wrong, fmt.Sprintf("%s (%s) is the leaver's and is not in the report", k.Name, k.ID))
		}
	}
	well, remedy := "none of the leaver's retired keys works, and there is no new one", "offboard the person again: starter run --user"
	if p.Prune != nil {
		well, remedy = "none of the deleted keys is there again", "look at what is superseded: starter prune --all --mode plan"
	}
	if len(wrong) > 0 {
		return Check{Name: name, Detail: strings.Join(wrong, "; "), Remedy: remedy}
	}
	return Check{Name: name, OK: true, Detail: well}
}

func orNobody(email string) string { return cmp.Or(email, "somebody who cannot be read") }

func ownerStill(ctx context.Context, s offboard.ScopeProgress, c offboard.ClusterProgress, clusters activities.Clusters) Check {
	name := "cluster " + c.Name
	want := cmp.Or(s.FellBack, c.Owner, s.FunctionalID)
	owner, err := clusters.KeyOwner(ctx, c.ID, s.Scope)
	switch {
	case offboard.CodeOf(err) == offboard.NotFound:
		return Check{Name: name, OK: true, Detail: "is gone from the account by now"}
	case err != nil:
		return unasked(name, err)
	case !owner.Is(want):
		return Check{Name: name, Detail: fmt.Sprintf("depends on the key of %s now; the report left it with %s", orNobody(owner.Email), want),
			Remedy: "find out who reset the key of " + s.Scope.String() + "; starter handover moves it back"}
	}
	return Check{Name: name, OK: true, Detail: "still depends on the key of " + want}
}
