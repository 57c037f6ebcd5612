package injection_test

import "strings"

func networkCases() map[string]injection {
	cases := map[string]injection{
		"NamesDown": {reason: "nobody answers for names", id: "NET-01", inject: scaleNames("0"), heal: scaleNames("1")},
	}
	for name, row := range overrideRows() {
		cases["Override"+name] = injection{reason: row.reason, id: "EXT-08", inject: override(row.imported, row.data), heal: dropOverride}
	}
	return cases
}

func scaleNames(replicas string) func(*bench) {
	return func(b *bench) { b.kubectl("scale", "deployment", "coredns", "-n", system, "--replicas="+replicas) }
}

type overrideRow struct {
	reason   string
	imported bool // by the Corefile
	data     map[string]string
}

// overrideRows are the mistakes that ConfigMaps tell by themselves.
func overrideRows() map[string]overrideRow {
	const good = "hosts {\n  20.39.12.229 westeurope.dp.kubernetesconfiguration.azure.com\n  fallthrough\n}\n"
	changed := func(old, replacement string) map[string]string {
		return map[string]string{"extensionsdp.override": strings.Replace(good, old, replacement, 1)}
	}
	return map[string]overrideRow{
		"Key":         {"the key has another ending", true, map[string]string{"extensionsdp.conf": good}},
		"Fallthrough": {"all other names are left without an answer", true, changed("  fallthrough\n", "")},
		"Region":      {"the placeholder was left in", true, changed("westeurope", "<region>")},
		"Address":     {"the address is none", true, changed("20.39.12.229", "20.39.12")},
		"Twice":       {"there are two hosts blocks", true, map[string]string{"extensionsdp.override": good, "other.override": "hosts {\n  10.0.0.1 a.example\n  fallthrough\n}\n"}},
		"Syntax":      {"CoreDNS does not know the directive", true, changed("hosts", "hostz")},
		"NoImport":    {"the Corefile does not import overrides", false, changed("", "")},
	}
}

// override writes the ConfigMaps only: CoreDNS goes on with what it has read.
func override(imported bool, data map[string]string) func(*bench) { //nolint:revive // two kinds of cluster
	return func(b *bench) {
		b.t.Helper()
		if imported {
			b.corefile(func(text string) string {
				return strings.Replace(text, "    errors\n", "    errors\n    import custom/*.override\n", 1)
			})
		}
		args := []string{"create", "configmap", "coredns-custom", "-n", system}
		for key, text := range data {
			args = append(args, "--from-literal="+key+"="+text)
		}
		b.kubectl(args...)
	}
}

func dropOverride(b *bench) {
	b.kubectl("delete", "configmap", "coredns-custom", "-n", system, "--ignore-not-found")
	b.corefile(func(text string) string { return strings.Replace(text, "    import custom/*.override\n", "", 1) })
}

// corefile rewrites the Corefile.
func (b *bench) corefile(change func(string) string) {
	b.t.Helper()
	text := b.kubectl("get", "configmap", "coredns", "-n", system, "-o", "jsonpath={.data.Corefile}")
	b.kubectl("patch", "configmap", "coredns", "-n", system, "--type=merge", "-p", `{"data":{"Corefile":`+quote(change(text)+"\n")+`}}`)
}
