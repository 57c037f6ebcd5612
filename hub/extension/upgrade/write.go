package upgrade

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/extension"
	"github.com/fairlead/fairlead/hub/extension/catalogue"
	"github.com/fairlead/fairlead/hub/resource"
)

// maxHeld bounds how many versions an extension holds back; the oldest are tried again.
const maxHeld = 20

// errOvertaken says that somebody has changed an extension meanwhile: their wish counts, and the next look sees it.
var errOvertaken = errors.New("the extension has been changed meanwhile")

// begin gives an extension a new generation with a newer version.
func (u *Upgrader) begin(ctx context.Context, kind catalogue.Type, goal string, one candidate) error {
	chosen, err := u.Catalogue.Resolve(ctx, kind, one.document.Properties.ReleaseTrain, goal)
	if err != nil {
		return err
	}
	u.Log.InfoContext(ctx, "an extension is upgraded automatically", slog.String("extension", one.stored.ID),
		slog.String("from", one.document.Record.Version), slog.String("to", chosen.Version))
	err = u.write(ctx, one, func(record *extension.Record) {
		record.Previous = &extension.Release{Version: record.Version, Chart: record.Chart}
		record.Version, record.Chart, record.Defaults = chosen.Version, chosen.Chart, kind.DefaultSettings
	})
	if err == nil {
		u.Service.Upgraded()
	}
	return err
}

// takeBack wants the version again that an upgrade has failed to replace, which the cluster has restored by itself, and holds
// the other one back.
func (u *Upgrader) takeBack(ctx context.Context, one candidate) error {
	failed := one.document.Record.Version
	u.Log.WarnContext(ctx, "an automatic upgrade has failed; this version is held back there", slog.String("extension", one.stored.ID), slog.String("version", failed))
	return u.write(ctx, one, func(record *extension.Record) {
		record.Held = append(slices.DeleteFunc(record.Held, func(held string) bool { return held == failed }), failed)
		if len(record.Held) > maxHeld {
			record.Held = record.Held[len(record.Held)-maxHeld:]
		}
		record.Version, record.Chart, record.Previous = record.Previous.Version, record.Previous.Chart, nil
	})
}

// write changes an extension's record, if the extension is still as it was looked at.
func (u *Upgrader) write(ctx context.Context, one candidate, change func(*extension.Record)) error {
	id, err := fairlead.ParseResourceID(one.stored.ID)
	if err != nil {
		return err
	}
	err = u.Change(ctx, id, func(document resource.Document) (resource.Document, error) {
		var now extension.Document
		if err := document.Decode(&now); err != nil {
			return nil, err
		}
		if now.Record.Generation != one.document.Record.Generation {
			return nil, errOvertaken
		}
		record := now.Record.Next(u.Now(), uuid.NewString())
		change(&record)
		return document, record.Into(document)
	})
	if errors.Is(err, errOvertaken) || fairlead.KindOf(err) == fairlead.NotFound {
		return nil
	}
	return err
}
