module github.com/fairlead/fairlead/test/cluster

go 1.26.0
