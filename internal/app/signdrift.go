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
// depends on the key of who took it over. It reads only: the account once, one user, the list of user keys, and the owner
// of each cluster in the report. A run that is open or changed nothing has nothing to compare.
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
	var list []Check
	if p.UserRemoved {
		list = append(list, userStillGone(ctx, p, ports.Users))
	}
	if slices.ContainsFunc(p.Keys, func(k offboard.KeyProgress) bool {
		return k.State == offboard.KeyDeleted || k.State == offboard.KeyDisabled
	}) {
		list = append(list, keysStillGone(ctx, p, ports.Keys))
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

func userStillGone(ctx context.Context, p offboard.Progress, users activities.Users) Check {
	const name = "user"
	if p.Leaver.IAMID != "" {
		_, err := users.Person(ctx, p.Leaver.IAMID)
		if err != nil && offboard.CodeOf(err) != offboard.NotFound {
			return unasked(name, err)
		}
		if err == nil {
			return Check{Name: name, Detail: p.Leaver.Email + " is a user of the account again", Remedy: "find out who invited them; starter run --user offboards them again"}
		}
	}
	return Check{Name: name, OK: true, Detail: p.Leaver.Email + " is still gone"}
}

func keysStillGone(ctx context.Context, p offboard.Progress, keys activities.Keys) Check {
	const name = "keys"
	there, err := keys.UserKeys(ctx)
	if err != nil {
		return unasked(name, err)
	}
	retired, left := map[string]offboard.KeyState{}, map[string]bool{}
	for _, k := range p.Keys {
		retired[k.ID], left[k.ID] = k.State, true
	}
	var wrong []string
	for _, k := range there {
		switch state := retired[k.ID]; {
		case state == offboard.KeyDeleted:
			wrong = append(wrong, fmt.Sprintf("%s (%s) was deleted and is there", k.Name, k.ID))
		case state == offboard.KeyDisabled && !k.Disabled:
			wrong = append(wrong, fmt.Sprintf("%s (%s) was disabled and works again", k.Name, k.ID))
		case !left[k.ID] && p.Leaver.IAMID != "" && k.IAMID == p.Leaver.IAMID:
			wrong = append(wrong, fmt.Sprintf("%s (%s) is the leaver's and is not in the report", k.Name, k.ID))
		}
	}
	if len(wrong) > 0 {
		return Check{Name: name, Detail: strings.Join(wrong, "; "), Remedy: "offboard the person again: starter run --user"}
	}
	return Check{Name: name, OK: true, Detail: "none of the leaver's retired keys works, and there is no new one"}
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
