"""The figures as plain data, one a file: plotly draws them on the page, matplotlib on paper."""
