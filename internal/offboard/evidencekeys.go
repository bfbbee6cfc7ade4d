package offboard

import (
	"strings"
	"time"
)

// lifeline is the life of one key as a picture on an axis that all keys share.
type lifeline struct {
	Name, ID, Alt string
	Alive, Off    []bar // while it worked; while it was disabled and could be enabled again
	Used          []bar // its last use, a mark
}

// lives are the pictures of keys whose creation is known; nil where there is none.
func lives(r Report) []lifeline {
	var marks []time.Time
	for _, k := range r.Progress.Keys {
		marks = append(marks, k.Created, k.LastUsed, k.DisabledAt, k.DeletedAt)
	}
	ax := newAxis(append(marks, r.Ended))
	if ax == nil {
		return nil
	}
	var list []lifeline
	for _, k := range r.Progress.Keys {
		if k.Created.IsZero() || r.Ended.IsZero() {
			continue
		}
		list = append(list, ax.life(k, r.Ended))
	}
	return list
}

func (a *axis) life(k KeyProgress, now time.Time) lifeline {
	said := []string{"created " + clock(k.Created)}
	l := lifeline{Name: k.Name, ID: k.ID}
	until := now
	if !k.DeletedAt.IsZero() {
		until = k.DeletedAt
	}
	worked := until
	if !k.DisabledAt.IsZero() && k.DisabledAt.Before(until) {
		worked = k.DisabledAt
		l.Off = []bar{a.bar(worked, until)}
	}
	l.Alive = []bar{a.bar(k.Created, worked)}
	if !k.LastUsed.IsZero() {
		l.Used = []bar{a.bar(k.LastUsed, k.LastUsed)}
		said = append(said, "last used "+clock(k.LastUsed))
	}
	if !k.DisabledAt.IsZero() {
		said = append(said, "disabled "+clock(k.DisabledAt))
	}
	if !k.DeletedAt.IsZero() {
		said = append(said, "deleted "+clock(k.DeletedAt))
	} else {
		said = append(said, "now "+string(k.State))
	}
	l.Alt = k.Name + ": " + strings.Join(said, ", ")
	return l
}
